import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobDefinition, type JobLimits, type UniqueJobs } from './define-job.js';
import { isLimited, limitKeyOf, partsOf, uniqueKeyOf } from './limit-key.js';

const owner = { userId: 'owner' };
const payload = z.unknown();

function limited(limits: JobLimits, concurrency: number | null = null): JobDefinition {
  return defineJob({ name: 'limited', summary: '', payload, limits, concurrency });
}

describe('limit key', () => {
  it('is there exactly for types that something bounds', () => {
    expect([limited({}), limited({}, 2), limited({ global: 1 })].map(isLimited)).toEqual([false, true, true]);
    expect(limitKeyOf(limited({}), null, owner)).toBeNull();
    expect(limitKeyOf(limited({}, 2), null, owner)).toBe('');
    expect(limitKeyOf(limited({ rate: { jobs: 1, perSeconds: 1 } }), null, owner)).toBe('');
  });

  it('tells the parts of the limit and of the rate apart, whatever the functions answer', () => {
    const key = (text: string, rate: string): string | null =>
      limitKeyOf(
        limited({
          perKey: { jobs: 1, key: () => text },
          rate: { jobs: 1, perSeconds: 1, key: (_, job) => `${job.userId} ${rate}` },
        }),
        null,
        owner,
      );
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (one, other, rate) => {
        const [first, second] = [key(one, rate), key(other, rate)].map((each) => partsOf(each ?? ''));
        expect(first?.limit === second?.limit).toBe(one === other);
        expect(first?.rate).toBe(second?.rate);
        expect((key(one, rate) ?? '').length).toBeLessThan(170);
      }),
    );
    expect(partsOf(key('user:1', 'x') ?? '').limit).toBe('user:1');
  });
});

describe('key of a unique job', () => {
  it('is of its owner alone, and nothing of the payload can be read in it', () => {
    const unique: UniqueJobs<string> = { until: 'finished', key: (text) => text };
    const keyOf = (text: string, userId: string | null): string | undefined =>
      uniqueKeyOf({ unique: unique as UniqueJobs }, text, { userId })?.toString('hex');
    expect(keyOf('a', 'one')).toBe(keyOf('a', 'one'));
    expect(new Set([keyOf('a', 'one'), keyOf('a', 'two'), keyOf('a', null), keyOf('b', 'one')]).size).toBe(4);
    expect(keyOf('x'.repeat(1_000_000), 'one')).toHaveLength(64);
    expect(uniqueKeyOf({ unique: null }, 'a', { userId: 'one' })).toBeNull();
  });
});

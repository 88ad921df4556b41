import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problemsOf } from './check-definition.js';
import { defineJob } from './define-job.js';

type More = Partial<Parameters<typeof defineJob<unknown>>[0]>;
const problems = (more: More): string[] =>
  problemsOf(defineJob({ name: 'wash', summary: '', payload: z.unknown(), ...more }));
const key = (): string => '';

describe('a definition', () => {
  it('is fine as it comes, and with every policy', () => {
    expect(problems({})).toEqual([]);
    expect(
      problems({
        hintSize: 100,
        concurrency: 1,
        limits: { global: 1, perKey: { jobs: 2, key }, rate: { jobs: 1, perSeconds: 0.5, key } },
        unique: { until: 'started', key },
        backoff: { kind: 'custom', seconds: () => 1, describe: 'One second.' },
        sizes: { payload: 2, result: 100, logLines: 0 },
      }),
    ).toEqual([]);
  });

  it('is told everything that makes no sense', () => {
    expect(
      problems({
        name: 'Wash It',
        hintSize: 101,
        maxRetries: -1,
        timeoutSeconds: 0,
        concurrency: 0,
        limits: { global: -1, perKey: { jobs: 0.5, key }, rate: { jobs: 0, perSeconds: 0 } },
        backoff: { kind: 'exponential', seconds: -1, maxSeconds: NaN },
        sizes: { payload: 2_000_000, result: 0, logLines: -1 },
      }),
    ).toEqual([
      '"Wash It": the name is not a job type name',
      '"Wash It": hintSize must be a whole number from 1 to 100, not 101',
      '"Wash It": maxRetries must be a whole number from 0 to 100, not -1',
      '"Wash It": timeoutSeconds must be a whole number from 1 to 604800, not 0',
      '"Wash It": concurrency must be a whole number from 1 to 1000000, not 0',
      '"Wash It": limits.global must be a whole number from 1 to 1000000, not -1',
      '"Wash It": limits.perKey.jobs must be a whole number from 1 to 1000000, not 0.5',
      '"Wash It": limits.rate.jobs must be a whole number from 1 to 1000000, not 0',
      '"Wash It": limits.rate.perSeconds must be more than 0 and at most 604800, not 0',
      '"Wash It": sizes.payload must be a whole number from 2 to 1000000, not 2000000',
      '"Wash It": sizes.result must be a whole number from 100 to 10000000, not 0',
      '"Wash It": sizes.logLines must be a whole number from 0 to 1000000, not -1',
      '"Wash It": backoff.seconds must be 0 to 2592000 seconds, not -1',
      '"Wash It": backoff.maxSeconds must be 0 to 2592000 seconds, not NaN',
    ]);
    expect(problems({ backoff: { kind: 'custom', seconds: () => 1, describe: ' ' } })).toHaveLength(1);
    expect(problems({ hintSize: 0 })).toHaveLength(1);
  });

  it('is refused for any number that is none', () => {
    const odd = fc.oneof(
      fc.constantFrom(NaN, Infinity, -Infinity, 0),
      fc.double({ max: -1e-9, noNaN: true }),
      fc.double({ min: 1e9, noNaN: true }),
    );
    fc.assert(
      fc.property(odd, (value) => {
        for (const more of [
          { hintSize: value },
          { concurrency: value },
          { limits: { global: value } },
          { limits: { perKey: { jobs: value, key } } },
          { limits: { rate: { jobs: value, perSeconds: 1 } } },
          { limits: { rate: { jobs: 1, perSeconds: value } } },
          { timeoutSeconds: value },
        ])
          expect(problems(more)).toHaveLength(1);
      }),
    );
  });
});

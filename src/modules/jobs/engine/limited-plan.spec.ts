import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partsOf } from '../definition/limit-key.js';
import { allowanceOf, plan, type Candidate } from './limited-plan.js';

const candidatesOf = (...counts: readonly [key: string, count: number][]): Candidate[] =>
  counts.flatMap(([limitKey, count]) =>
    Array.from({ length: count }, (_, index) => ({ id: `${limitKey}#${index}`, limitKey, rank: index + 1 })),
  );
const idsOf = (taken: readonly Candidate[]): string[] => taken.map(({ id }) => id);
const free = { jobs: Infinity, ofLimit: () => Infinity, ofRate: () => Infinity };

describe('plan of a limited type', () => {
  it('takes one of each key before a second one of any', () => {
    const taken = plan(candidatesOf(['a', 5], ['b', 1], ['c', 2]), ['b', 'c', 'a'], { ...free, jobs: 5 });
    expect(idsOf(taken)).toEqual(['b#0', 'c#0', 'a#0', 'c#1', 'a#1']);
  });

  it('counts keys together that share the part of the limit or of the rate', () => {
    const candidates = candidatesOf(['a x', 3], ['a y', 3], ['b x', 3]);
    const keys = ['a x', 'a y', 'b x'];
    expect(idsOf(plan(candidates, keys, { ...free, ofLimit: () => 2 }))).toEqual([
      'a x#0',
      'a y#0',
      'b x#0',
      'b x#1',
    ]);
    expect(idsOf(plan(candidates, keys, { ...free, ofRate: (part) => (part === 'x' ? 1 : 9) }))).toEqual([
      'a x#0',
      'a y#0',
      'a y#1',
      'a y#2',
    ]);
    expect(allowanceOf('a x', { ...free, jobs: 4, ofLimit: () => 3, ofRate: () => -1 })).toBe(0);
  });

  it('never takes more than is allowed, and leaves nothing that would be', () => {
    const keys = fc.constantFrom('a x', 'a y', 'b x', 'b y', 'c z');
    const small = fc.integer({ min: 0, max: 5 });
    const counts = fc.dictionary(keys, small);
    fc.assert(
      fc.property(counts, small, small, small, (waiting, jobs, limit, rate) => {
        const candidates = candidatesOf(...Object.entries(waiting));
        const allowance = { jobs, ofLimit: () => limit, ofRate: () => rate };
        const taken = plan(candidates, Object.keys(waiting), allowance);
        const count = (part: 'limit' | 'rate', value: string): number =>
          taken.filter(({ limitKey }) => partsOf(limitKey)[part] === value).length;
        expect(taken.length).toBeLessThanOrEqual(jobs);
        for (const { limitKey } of taken) {
          expect(count('limit', partsOf(limitKey).limit)).toBeLessThanOrEqual(limit);
          expect(count('rate', partsOf(limitKey).rate)).toBeLessThanOrEqual(rate);
        }
        for (const left of candidates.filter((one) => !taken.includes(one)))
          expect(
            taken.length === jobs ||
              count('limit', partsOf(left.limitKey).limit) === limit ||
              count('rate', partsOf(left.limitKey).rate) === rate,
          ).toBe(true);
      }),
    );
  });
});

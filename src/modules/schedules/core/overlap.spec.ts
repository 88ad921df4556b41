import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideOverlap,
  OVERLAP_POLICIES,
  type Candidate,
  type OverlapPolicy,
  type WaitsFor,
} from './index.js';

const slot = (id: string, waitsFor: WaitsFor = null, counts = true): Candidate => ({ id, waitsFor, counts });
const a = slot('a');
const b = slot('b');
const c = slot('c');
const parked = slot('p', 'previous_job');
const filled = slot('f', 'backfill', false);

/** What becomes of each: `+` fires, `~` waits for the job before it, `-` is skipped, `=` stays where it is. */
function decided(
  policy: OverlapPolicy,
  busy: boolean,
  candidates: readonly Candidate[],
  runsLeft = Infinity,
): string {
  const { fire, park, skip } = decideOverlap(policy, busy, candidates, runsLeft);
  const skipped = new Map(skip.map(({ id, reason }) => [id, reason]));
  return candidates
    .map(({ id }) => {
      if (fire.includes(id)) return `+${id}`;
      if (park === id) return `~${id}`;
      if (!skipped.has(id)) return `=${id}`;
      const reason = skipped.get(id);
      return reason === null ? `-${id}` : `-${id}:${reason}`;
    })
    .join(' ');
}

describe('decideOverlap', () => {
  it.each<[OverlapPolicy, boolean, Candidate[], string]>([
    ['allow', true, [a, b, c], '+a +b +c'],
    ['allow', true, [parked, a, filled], '+p +a +f'],
    ['skip', false, [a, b], '+a -b'],
    ['skip', true, [a, b], '-a -b'],
    ['skip', true, [parked, a, filled], '-p -a =f'],
    ['skip', false, [a, filled], '+a =f'],
    ['skip', false, [filled, slot('g', 'backfill', false)], '+f =g'],
    ['skip', true, [filled], '=f'],
    ['queue_one', false, [a], '+a'],
    ['queue_one', false, [a, b, c], '+a ~b -c'],
    ['queue_one', true, [a, b], '~a -b'],
    ['queue_one', true, [parked, a], '~p -a'],
    ['queue_one', false, [parked, a, b], '+p ~a -b'],
    ['queue_one', false, [parked, filled], '+p =f'],
    ['cancel_previous', false, [a, b], '-a:superseded +b'],
    ['cancel_previous', true, [a, b], '-a:superseded ~b'],
    ['cancel_previous', true, [parked, a], '-p:superseded ~a'],
    ['cancel_previous', true, [parked], '~p'],
    ['cancel_previous', false, [parked, filled], '+p =f'],
    ['cancel_previous', true, [filled], '=f'],
  ])('%s, busy %s', (policy, busy, candidates, expected) => {
    expect(decided(policy, busy, candidates)).toBe(expected);
  });

  it.each<[OverlapPolicy, Candidate[], number, string]>([
    ['allow', [a, b, filled], 1, '+a -b:max_runs +f'],
    ['skip', [a, b], 0, '-a:max_runs -b:max_runs'],
    ['queue_one', [a, b], 1, '+a -b:max_runs'],
    ['queue_one', [a, b, c], 2, '+a ~b -c'],
    ['cancel_previous', [parked, filled], 0, '-p:max_runs +f'],
  ])('%s with %j and %i runs left', (policy, candidates, runsLeft, expected) => {
    expect(decided(policy, false, candidates, runsLeft)).toBe(expected);
  });

  it('never lets two run side by side or more than one wait, loses none, and keeps to the runs that are left', () => {
    const waits = fc.constantFrom<WaitsFor>('spacing', null, 'backfill');
    const candidate = fc.record({ waitsFor: waits, counts: fc.boolean() });
    fc.assert(
      fc.property(
        fc.constantFrom(...OVERLAP_POLICIES),
        fc.boolean(),
        fc.boolean(),
        fc.array(candidate, { maxLength: 8 }),
        fc.oneof(fc.nat(4), fc.constant(Infinity)),
        (policy, busy, hasParked, others, runsLeft) => {
          const candidates = [
            ...(hasParked ? [parked] : []),
            ...others.map(({ waitsFor, counts }, index) =>
              slot(String(index), waitsFor, counts && waitsFor !== 'backfill'),
            ),
          ];
          const { fire, park, skip } = decideOverlap(policy, busy, candidates, runsLeft);
          const fates = [...fire, ...(park === null ? [] : [park]), ...skip.map(({ id }) => id)];
          expect(new Set(fates).size).toBe(fates.length);
          const known = new Map(candidates.map((one) => [one.id, one]));
          // Only what fills up may stay: everything else is told what becomes of it.
          const stayed = candidates.filter(({ id }) => !fates.includes(id));
          expect(stayed.every(({ waitsFor }) => waitsFor === 'backfill')).toBe(true);
          expect(fire.filter((id) => known.get(id)!.counts).length).toBeLessThanOrEqual(runsLeft);
          expect(skip.some(({ id }) => known.get(id)!.waitsFor === 'backfill')).toBe(false);
          const atOnce = policy === 'allow' ? Infinity : busy ? 0 : 1;
          expect(fire.length).toBeLessThanOrEqual(atOnce);
          expect(park === null || ((busy || fire.length === 1) && !/allow|skip/.test(policy))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronRule, instant, timingRule } from '../../../../test/factories/timing-rule.js';
import {
  nextAfter,
  planDue,
  type MissedRunPolicy,
  type PlannedSlot,
  type RuleCursor,
  type TimingRule,
} from './index.js';

const MINUTE = 60_000;
const everyMinute = timingRule({ type: 'interval', intervalSeconds: 60 });
const start = instant('2026-01-01T00:00:00Z');

function cursorAt(nextRunAt: number, more: Partial<RuleCursor> = {}): RuleCursor {
  return { nextRunAt, runCount: 0, maxRuns: null, ...more };
}

function missedPolicy(missed: MissedRunPolicy['missed'], missedMax = 3, graceSeconds = 30): MissedRunPolicy {
  return { missed, missedMax, graceSeconds };
}

const fires = ({ action }: PlannedSlot): boolean => action === 'fire' || action === 'catch_up';

/** The slots as minutes after the start, those that do not fire negative. */
function minutes(slots: readonly PlannedSlot[]): number[] {
  return slots.map((slot) => ((slot.scheduledFor - start) / MINUTE) * (fires(slot) ? 1 : -1));
}

describe('planDue', () => {
  const now = start + 6 * MINUTE + 10_000;

  it.each<[MissedRunPolicy['missed'], number[]]>([
    ['skip', [-1, -2, -3, -4, -5, 6]],
    ['run_once', [-1, -2, -3, -4, 5, 6]],
    ['run_all', [-1, -2, 3, 4, 5, 6]],
  ])('after a downtime, %s', (missed, expected) => {
    const plan = planDue(everyMinute, cursorAt(start + MINUTE), now, missedPolicy(missed), 100);
    expect(minutes(plan.slots)).toEqual(expected);
    expect(plan).toMatchObject({ nextRunAt: start + 7 * MINUTE, exhausted: false });
  });

  it('fires an instant that is late by just the grace time, not one that is later', () => {
    const grace = missedPolicy('skip', 0, 70);
    const plan = planDue(everyMinute, cursorAt(start + 4 * MINUTE), now, grace, 100);
    expect(minutes(plan.slots)).toEqual([-4, 5, 6]);
    expect(
      minutes(planDue(everyMinute, cursorAt(start), start, missedPolicy('skip', 0, 0), 9).slots),
    ).toEqual([0]);
  });

  it('plans nothing when the clock moved back', () => {
    const plan = planDue(everyMinute, cursorAt(start + MINUTE), start, missedPolicy('run_all'), 100);
    expect(plan).toEqual({ slots: [], nextRunAt: start + MINUTE, exhausted: false });
  });

  it('ends a rule when its runs are used up, without planning what follows', () => {
    const cursor = cursorAt(start + MINUTE, { runCount: 4, maxRuns: 6 });
    const plan = planDue(everyMinute, cursor, now, missedPolicy('run_all'), 100);
    expect(minutes(plan.slots)).toEqual([-1, -2, 3, 4]);
    expect(plan).toMatchObject({ nextRunAt: null, exhausted: true });
    const again = planDue(everyMinute, { ...cursor, runCount: 6 }, now, missedPolicy('run_all'), 100);
    expect(again).toEqual({ slots: [], nextRunAt: null, exhausted: true });
  });

  it('does not count missed slots as runs', () => {
    const cursor = cursorAt(start + MINUTE, { maxRuns: 1 });
    expect(
      minutes(planDue(everyMinute, cursor, start + 6 * MINUTE, missedPolicy('skip'), 100).slots),
    ).toEqual([-1, -2, -3, -4, -5, 6]);
  });

  it('ends a rule after its last instant', () => {
    const once = timingRule({ type: 'once', runAt: start });
    expect(planDue(once, cursorAt(start), start + 5_000, missedPolicy('skip'), 10)).toEqual({
      slots: [{ scheduledFor: start, action: 'fire' }],
      nextRunAt: null,
      exhausted: true,
    });
  });

  it('moves a cursor that is no longer a planned instant to the next one', () => {
    const rule = cronRule('0 * * * *');
    const plan = planDue(rule, cursorAt(start + MINUTE), start + 2 * MINUTE, missedPolicy('run_all'), 10);
    expect(plan).toEqual({ slots: [], nextRunAt: start + 60 * MINUTE, exhausted: false });
  });

  it('works off a week of missed seconds in steps, at once', () => {
    const rule = timingRule({ type: 'interval', intervalSeconds: 1 });
    const plan = planDue(rule, cursorAt(start), start + 7 * 86_400_000, missedPolicy('run_once'), 500);
    expect(plan.slots).toHaveLength(500);
    expect(plan.slots.every(({ action }) => action === 'skip_missed')).toBe(true);
    expect(plan.nextRunAt).toBe(start + 500_000);
  });

  it('refuses numbers that make no sense', () => {
    const good = { limit: 1, missedMax: 1, graceSeconds: 0, at: now };
    const bad = [
      { limit: 0 },
      { limit: 1.5 },
      { limit: NaN },
      { missedMax: -1 },
      { missedMax: 1_001 },
      { graceSeconds: -1 },
      { graceSeconds: NaN },
      { at: NaN },
    ];
    for (const change of bad) {
      const { limit, missedMax, graceSeconds, at } = { ...good, ...change };
      const policy = missedPolicy('run_all', missedMax, graceSeconds);
      expect(() => planDue(everyMinute, cursorAt(start), at, policy, limit)).toThrow(RangeError);
    }
  });
});

/** Calls planDue until nothing is due any more, as ticks do. */
function planInSteps(
  rule: TimingRule,
  from: RuleCursor,
  now: number,
  policy: MissedRunPolicy,
  limits: readonly number[],
): { slots: PlannedSlot[]; nextRunAt: number | null } {
  const slots: PlannedSlot[] = [];
  let cursor = from;
  for (let call = 0; ; call += 1) {
    const plan = planDue(rule, cursor, now, policy, limits[call % limits.length]!);
    slots.push(...plan.slots);
    if (plan.nextRunAt === null || plan.nextRunAt > now) return { slots, nextRunAt: plan.nextRunAt };
    const fired = plan.slots.filter(fires).length;
    cursor = { ...cursor, nextRunAt: plan.nextRunAt, runCount: cursor.runCount + fired };
  }
}

const rules: fc.Arbitrary<TimingRule> = fc.constantFrom(
  everyMinute,
  cronRule('*/10 * * * *', { timezone: 'America/New_York', jitterSeconds: 300 }),
  cronRule('30 1,2 * * *', { timezone: 'America/New_York', dst: { overlap: 'both' } }),
  cronRule('15 1-3 * * *', { timezone: 'Australia/Lord_Howe', dst: { gap: 'skip', overlap: 'last' } }),
  cronRule('0 3 * * *', { timezone: 'Africa/Cairo', endsAt: instant('2026-10-30T12:00:00Z') }),
);

describe('planDue, for any rule, policy and limit', () => {
  const scenario = fc.record({
    rule: rules,
    from: fc.integer({ min: instant('2026-10-24'), max: instant('2026-11-02') }),
    elapsed: fc.oneof(fc.nat(3 * 3_600_000), fc.nat(4 * 86_400_000)),
    policy: fc.record<MissedRunPolicy>({
      missed: fc.constantFrom('skip', 'run_once', 'run_all'),
      missedMax: fc.nat(5),
      graceSeconds: fc.constantFrom(0, 60, 7_200),
    }),
    maxRuns: fc.option(fc.integer({ min: 1, max: 20 })),
  });

  it('every planned instant of the window is in the ledger once, in order, and the cursor follows it', () => {
    fc.assert(
      fc.property(scenario, ({ rule, from, elapsed, policy }) => {
        const first = nextAfter(rule, from);
        fc.pre(first !== null);
        const now = first + elapsed;
        const expected: number[] = [];
        let next: number | null = first;
        for (; next !== null && next <= now; next = nextAfter(rule, next)) expected.push(next);
        const plan = planDue(rule, cursorAt(first), now, policy, 1_000_000);
        expect(plan.slots.map(({ scheduledFor }) => scheduledFor)).toEqual(expected);
        expect(plan.nextRunAt).toBe(next);
        expect(plan.exhausted).toBe(next === null);
      }),
      { numRuns: 100 },
    );
  });

  it('the missed ones that fire are the latest, and no more than the policy allows', () => {
    fc.assert(
      fc.property(scenario, ({ rule, from, elapsed, policy }) => {
        const now = from + elapsed;
        const { slots } = planDue(rule, cursorAt(from), now, policy, 1_000_000);
        const missed = slots.filter(({ scheduledFor }) => scheduledFor < now - policy.graceSeconds * 1000);
        const allowed = { skip: 0, run_once: 1, run_all: policy.missedMax }[policy.missed];
        const skipped = Math.max(0, missed.length - allowed);
        expect(missed.slice(0, skipped).every(({ action }) => action === 'skip_missed')).toBe(true);
        expect(missed.slice(skipped).every(({ action }) => action === 'catch_up')).toBe(true);
        expect(slots.slice(missed.length).every(({ action }) => action === 'fire')).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('planning in steps of any size equals planning at once', () => {
    const limits = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(scenario, limits, ({ rule, from, elapsed, policy, maxRuns }, steps) => {
        const cursor = cursorAt(from, { maxRuns });
        const now = from + elapsed;
        const whole = planInSteps(rule, cursor, now, policy, [1_000_000]);
        expect(planInSteps(rule, cursor, now, policy, steps)).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  it('ticks at any times leave a ledger without holes or doubles', () => {
    const ticks = fc.array(fc.integer({ min: -600_000, max: 3_600_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(scenario, ticks, ({ rule, from, policy }, moves) => {
        const first = nextAfter(rule, from);
        fc.pre(first !== null);
        const ledger: number[] = [];
        let cursor = cursorAt(first);
        let now = from;
        for (const move of moves) {
          now += move;
          const plan = planDue(rule, cursor, now, policy, 3);
          ledger.push(...plan.slots.map(({ scheduledFor }) => scheduledFor));
          if (plan.nextRunAt === null) break;
          cursor = { ...cursor, nextRunAt: plan.nextRunAt };
        }
        let expected: number | null = first;
        for (const scheduledFor of ledger) {
          expect(scheduledFor).toBe(expected);
          expected = nextAfter(rule, scheduledFor);
        }
      }),
      { numRuns: 100 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronRule, instant, timingRule } from '../../../../test/factories/timing-rule.js';
import {
  DaySet,
  isExcluded,
  nextAfter,
  nextRunAfter,
  parseDays,
  planDue,
  upcoming,
  type MissedRunPolicy,
  type TimingRule,
} from './index.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const days = (dates: string[], weekdays: string[] = []): DaySet | null => {
  const parsed = parseDays({ dates, weekdays });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.days;
};

describe('a day that is left out', () => {
  it.each<[string, string, string, string, string[]]>([
    ['UTC', '0 */8 * * *', '2026-12-25', '2026-12-24T16:00:00Z', ['+1', '-2', '-3', '-4', '+5']],
    // The day as clocks show it there, not in UTC.
    ['Asia/Seoul', '0 */8 * * *', '2026-12-25', '2026-12-24T07:00:00Z', ['+1', '-2', '-3', '-4', '+5']],
    ['America/New_York', '0 */8 * * *', '2026-12-25', '2026-12-24T21:00:00Z', ['+1', '-2', '-3', '-4', '+5']],
    // 24 hours and one more, because clocks go back; and 23 of them.
    ['America/New_York', '0 */6 * * *', '2026-11-01', '2026-11-01T04:00:00Z', ['-1', '-2', '-3', '-4', '+5']],
    ['America/New_York', '30 2 * * *', '2026-03-08', '2026-03-08T05:00:00Z', ['-1', '+2']],
    // What a gap moves belongs to the day on which it runs: 30 December did not exist.
    ['Pacific/Apia', '0 12 * * *', '2011-12-31', '2011-12-29T10:00:00Z', ['+1', '-2', '-3', '+4']],
    ['Pacific/Apia', '0 12 * * *', '2011-12-30', '2011-12-29T10:00:00Z', ['+1', '+2', '+3']],
    ['Africa/Cairo', '@daily', '2026-04-24', '2026-04-23T12:00:00Z', ['-1', '+2']],
    ['Africa/Cairo', '30 23 * * *', '2026-10-29', '2026-10-29T12:00:00Z', ['-1', '+2']],
    ['Australia/Lord_Howe', '15 2 * * *', '2026-10-04', '2026-10-03T13:30:00Z', ['-1', '+2']],
    ['Africa/Casablanca', '30 2 * * *', '2026-03-22', '2026-03-21T12:00:00Z', ['-1', '+2']],
    ['America/Sao_Paulo', '@daily', '2018-11-04', '2018-11-03T12:00:00Z', ['-1', '+2']],
    ['Asia/Tehran', '30 0 * * *', '2022-03-22', '2022-03-21T12:00:00Z', ['-1', '+2']],
  ])('in %s, %s without %s from %s', (timezone, pattern, left, from, expected) => {
    const rule = cronRule(pattern, { timezone, exclusions: { dates: [left], weekdays: [] } });
    const items = upcoming(rule, instant(from) - 1, expected.length);
    expect(items.map(({ note }, index) => `${note === 'excluded' ? '-' : '+'}${index + 1}`)).toEqual(
      expected,
    );
  });

  it('keeps its instants planned and out of the runs', () => {
    const rule = cronRule('0 12 * * *', { exclusions: { dates: [], weekdays: ['SAT', 'SUN'] } });
    const friday = instant('2026-11-20T12:00:00Z');
    expect(nextAfter(rule, friday)).toBe(friday + DAY);
    expect(nextRunAfter(rule, friday)).toBe(friday + 3 * DAY);
  });

  it('is gone over at once by a rule of every second', () => {
    const rule = timingRule({
      type: 'interval',
      intervalSeconds: 1,
      exclusions: { dates: ['2026-01-01/2029-12-31'], weekdays: ['TUE'] },
    });
    expect(nextRunAfter(rule, instant('2026-01-01T00:00:00Z'))).toBe(instant('2030-01-02T00:00:00Z'));
  });

  it('is searched for within bounds, and a rule that could never run is refused when it is saved', () => {
    const rule = { ...cronRule('* * * * * *'), exclusions: days(['--01-01/--12-31']) };
    expect(nextRunAfter(rule, 0)).toBeNull();
    expect(() =>
      timingRule({ cronExpression: '0 0 25 12 *', exclusions: { dates: ['--12-25'], weekdays: [] } }),
    ).not.toThrow();
  });

  it('comes from calendars, too', () => {
    const rule = cronRule('@daily', { calendars: [null, days(['2026-01-02']), days([], ['SUN'])] });
    const items = upcoming(rule, instant('2026-01-01T00:00:00Z') - 1, 4);
    expect(items.map(({ note }) => note)).toEqual([null, 'excluded', null, 'excluded']);
  });
});

const zones = fc.constantFrom(
  'UTC',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'America/Sao_Paulo',
  'Pacific/Apia',
);
const patterns = fc.constantFrom('30 2 * * *', '*/20 * * * *', '0 0 * * *', '15 23,0,1 * * *');
const around = fc.oneof(
  fc.integer({ min: instant('2018-10-30'), max: instant('2018-11-10') }),
  fc.integer({ min: instant('2011-12-26'), max: instant('2012-01-02') }),
  fc.integer({ min: instant('2026-10-24'), max: instant('2026-11-04') }),
);
const exclusions = fc.record({
  weekdays: fc.uniqueArray(fc.constantFrom('MON', 'WED', 'SAT', 'SUN'), { maxLength: 3 }),
  dates: fc.uniqueArray(
    fc.constantFrom('2018-11-04', '2011-12-30/2011-12-31', '--10-29', '--11-01', '2026-10-26/2026-10-28'),
    { maxLength: 5 },
  ),
});
const anyRule: fc.Arbitrary<TimingRule> = fc
  .tuple(zones, patterns, exclusions, fc.constantFrom(0, 3_000))
  .map(([timezone, pattern, left, jitterSeconds]) =>
    cronRule(pattern, { timezone, exclusions: left, jitterSeconds }),
  );

const formats = new Map<string, Intl.DateTimeFormat>();

/** The local date of an instant, asked of Intl. */
function localDate(at: number, timeZone: string): string {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
    formats.set(timeZone, format);
  }
  return format.format(at);
}

describe('for any rule', () => {
  it('an instant is excluded exactly when its local date is, and runs are what is left, in order', () => {
    fc.assert(
      fc.property(anyRule, around, (rule, from) => {
        const runs: number[] = [];
        let at = nextAfter(rule, from);
        for (let count = 0; at !== null && count < 60; at = nextAfter(rule, at), count += 1) {
          const number = Date.parse(`${localDate(at, rule.timezone)}T00:00:00Z`) / DAY;
          const excluded = rule.exclusions?.has(number) ?? false;
          expect(isExcluded(rule, at)).toBe(excluded);
          if (!excluded) runs.push(at);
        }
        let last: number | null = from;
        for (const run of runs) expect((last = nextRunAfter(rule, last!))).toBe(run);
      }),
      { numRuns: 150 },
    );
  });

  it('excluded instants are in the ledger, take no run from others, and the cut of calls changes nothing', () => {
    const scenario = fc.record({
      rule: anyRule,
      from: around,
      elapsed: fc.nat(3 * DAY),
      policy: fc.record<MissedRunPolicy>({
        missed: fc.constantFrom('skip', 'run_once', 'run_all'),
        missedMax: fc.nat(5),
        graceSeconds: fc.constantFrom(60, 7_200),
      }),
      maxRuns: fc.option(fc.integer({ min: 1, max: 20 })),
      limit: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(scenario, ({ rule, from, elapsed, policy, maxRuns, limit }) => {
        const now = from + elapsed;
        const whole = planDue(rule, { nextRunAt: from, runCount: 0, maxRuns }, now, policy, 1_000_000);
        const left = whole.slots.filter(({ action }) => action !== 'exclude');
        expect(left.every(({ scheduledFor }) => !isExcluded(rule, scheduledFor))).toBe(true);
        const missed = left.filter(({ scheduledFor }) => scheduledFor < now - policy.graceSeconds * 1000);
        const allowed = { skip: 0, run_once: 1, run_all: policy.missedMax }[policy.missed];
        expect(missed.filter(({ action }) => action === 'catch_up').length).toBeLessThanOrEqual(allowed);
        // Without an end by `maxRuns`, the ledger of the rule is that of one that leaves nothing out.
        const unlimited = { nextRunAt: from, runCount: 0, maxRuns: null };
        const endless = planDue(rule, unlimited, now, policy, 1_000_000).slots;
        const plain = planDue({ ...rule, exclusions: null }, unlimited, now, policy, 1_000_000).slots;
        expect(endless.map(({ scheduledFor }) => scheduledFor)).toEqual(
          plain.map((slot) => slot.scheduledFor),
        );
        const steps: (typeof whole.slots)[number][] = [];
        let cursor = { nextRunAt: from, runCount: 0, maxRuns };
        for (;;) {
          const plan = planDue(rule, cursor, now, policy, limit);
          steps.push(...plan.slots);
          if (plan.nextRunAt === null || plan.nextRunAt > now) break;
          const fired = plan.slots.filter(({ action }) => action === 'fire' || action === 'catch_up').length;
          cursor = { ...cursor, nextRunAt: plan.nextRunAt, runCount: cursor.runCount + fired };
        }
        expect(steps).toEqual(whole.slots);
      }),
      { numRuns: 150 },
    );
  });
});

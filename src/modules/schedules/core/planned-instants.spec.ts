import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronRule, instant, timingRule } from '../../../../test/factories/timing-rule.js';
import { nextAfter, upcoming, type DaylightSavingPolicy, type TimingRule } from './index.js';
import { jitterHash } from './jitter.js';
import { plannedAfter } from './planned-instants.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Zones with an instant near one of their clock changes. */
const CHANGES: readonly (readonly [string, string])[] = [
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['Africa/Casablanca', '2026-02-15T02:00:00Z'],
  ['Africa/Casablanca', '2026-03-22T02:00:00Z'],
  ['Africa/Cairo', '2026-04-23T22:00:00Z'],
  ['Africa/Cairo', '2026-10-29T21:00:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['Asia/Tehran', '2022-03-21T20:30:00Z'],
  ['Asia/Seoul', '1988-05-07T17:00:00Z'],
  ['Europe/Dublin', '2026-10-25T01:00:00Z'],
  ['UTC', '2026-01-01T00:00:00Z'],
];

interface WallMinute {
  readonly at: number;
  readonly wall: number;
}

/** What a clock on the wall shows at every minute of three days around an instant, asked of Intl one by one. */
const wallMinutes = CHANGES.map(([timeZone, near]): WallMinute[] => {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const from = instant(near) - 1.5 * DAY;
  return Array.from({ length: 3 * 24 * 60 }, (_, minute) => {
    const at = from + minute * MINUTE;
    return { at, wall: Date.parse(`${format.format(at).replace(' ', 'T')}Z`) };
  });
});

interface FieldChoice {
  readonly text: string;
  readonly values: ReadonlySet<number>;
  readonly fixed: boolean;
}

/** Lists and ranges stay at or below `highest`, so that hours near the clock changes come up often. */
function fieldChoice(max: number, highest: number): fc.Arbitrary<FieldChoice> {
  const value = fc.integer({ min: 0, max: highest });
  const every = (step: number): Set<number> =>
    new Set(Array.from({ length: max + 1 }, (_, index) => index).filter((index) => index % step === 0));
  return fc.oneof(
    fc.uniqueArray(value, { minLength: 1, maxLength: 4 }).map((list) => {
      return { text: list.join(','), values: new Set(list), fixed: true };
    }),
    fc.tuple(value, value).map(([left, right]) => {
      const [low, high] = [Math.min(left, right), Math.max(left, right)];
      const values = new Set(Array.from({ length: high - low + 1 }, (_, index) => low + index));
      return { text: `${low}-${high}`, values, fixed: true };
    }),
    fc.constant({ text: '*', values: every(1), fixed: false }),
    fc.integer({ min: 2, max }).map((step) => ({ text: `*/${step}`, values: every(step), fixed: false })),
  );
}

/** The contract in its plainest form: walk over every minute and decide. Shares no code with the planner. */
function walk(
  minutes: readonly WallMinute[],
  matches: (wall: number) => boolean,
  isFixed: boolean,
  dst: DaylightSavingPolicy,
): number[] {
  if (!isFixed) return minutes.filter(({ wall }) => matches(wall)).map(({ at }) => at);
  const occurrences = new Map<number, number[]>();
  for (const { at, wall } of minutes) occurrences.set(wall, [...(occurrences.get(wall) ?? []), at]);
  const planned = new Set<number>();
  for (let wall = minutes[0]!.wall; wall <= minutes.at(-1)!.wall; wall += MINUTE) {
    if (!matches(wall)) continue;
    const at = occurrences.get(wall);
    if (at === undefined) {
      const afterGap = minutes.find((minute) => minute.wall > wall)!;
      if (dst.gap === 'run_after') planned.add(afterGap.at);
    } else if (dst.overlap === 'both') at.forEach((each) => planned.add(each));
    else planned.add(dst.overlap === 'first' ? at[0]! : at.at(-1)!);
  }
  return [...planned].toSorted((left, right) => left - right);
}

function plannedBetween(rule: TimingRule, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = nextAfter(rule, from - 1); at !== null && at <= to; at = nextAfter(rule, at)) found.push(at);
  return found;
}

const policy = fc.record<DaylightSavingPolicy>({
  gap: fc.constantFrom('run_after', 'skip'),
  overlap: fc.constantFrom('first', 'last', 'both'),
});

describe('cron rules', () => {
  it('agree with a walk over every minute around clock changes', () => {
    const hours = fc.oneof(fieldChoice(23, 23), fieldChoice(23, 3));
    fc.assert(
      fc.property(
        fc.nat(CHANGES.length - 1),
        fieldChoice(59, 59),
        hours,
        policy,
        fc.boolean(),
        (index, minute, hour, dst, weekdays) => {
          const minutes = wallMinutes[index]!;
          const matches = (wall: number): boolean => {
            const clock = new Date(wall);
            const weekday = clock.getUTCDay();
            const onDay = !weekdays || (weekday > 0 && weekday < 6);
            return onDay && minute.values.has(clock.getUTCMinutes()) && hour.values.has(clock.getUTCHours());
          };
          const rule = cronRule(`${minute.text} ${hour.text} * * ${weekdays ? '1-5' : '*'}`, {
            timezone: CHANGES[index]![0],
            dst,
          });
          const expected = walk(minutes, matches, minute.fixed && hour.fixed, dst);
          expect(plannedBetween(rule, minutes[0]!.at, minutes.at(-1)!.at)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});

const zone = fc.constantFrom(...new Set(CHANGES.map(([name]) => name)));
const moment = fc.integer({ min: instant('2010-01-01'), max: instant('2035-01-01') });
const pattern = fc.constantFrom(
  '30 2 * * *',
  '*/7 * * * *',
  '*/20 * * * * *',
  '0,59 0-3,23 * * *',
  '15 */5 * * 1-5',
  '0 0 L * *',
  '0 9 29 2 *',
  '59 23 31 12 *',
);
const anyRule = fc
  .record({
    pattern,
    zone,
    dst: policy,
    jitterSeconds: fc.oneof(fc.constant(0), fc.constantFrom(1, 59, 3_600, 86_400)),
    jitterSeed: fc.string({ maxLength: 8 }),
    interval: fc.oneof(fc.constant(null), fc.constantFrom(1, 7, 90, 3_600, 86_400, 1_000_003)),
    anchorAt: moment,
    end: fc.option(moment),
  })
  .map(({ pattern: cronExpression, zone: timezone, interval, end, ...rest }) => {
    const timing =
      interval === null ? { type: 'cron', cronExpression } : { type: 'interval', intervalSeconds: interval };
    return { ...timingRule({ ...timing, timezone, ...rest }), endsAt: end };
  });

describe('every rule', () => {
  it('plans strictly later instants, never two at once, none beyond its end', () => {
    fc.assert(
      fc.property(anyRule, moment, (rule, from) => {
        let last = from;
        for (let count = 0; count < 20; count += 1) {
          const next = nextAfter(rule, last);
          if (next === null) break;
          expect(next).toBeGreaterThan(last);
          expect(next).toBeLessThanOrEqual(rule.endsAt ?? Infinity);
          last = next;
        }
      }),
    );
  });

  it('gives the same next instant from everywhere before it', () => {
    fc.assert(
      fc.property(anyRule, moment, fc.double({ min: 0, max: 1, noNaN: true }), (rule, from, share) => {
        const next = nextAfter(rule, from);
        fc.pre(next !== null);
        const between = from + Math.floor((next - 1 - from) * share);
        expect(nextAfter(rule, between)).toBe(next);
      }),
    );
  });

  it('shows in its preview what it will do', () => {
    fc.assert(
      fc.property(anyRule, moment, (rule, from) => {
        const preview = upcoming(rule, from, 8);
        let last: number | null = from;
        for (const { at, local } of preview) {
          last = nextAfter(rule, last!);
          expect(at).toBe(last);
          expect(Date.parse(local)).toBe(at);
        }
        expect(preview.length === 8 || nextAfter(rule, last!) === null).toBe(true);
      }),
    );
  });

  it('begins at startsAt and ends at endsAt, both included', () => {
    const startsAt = instant('2026-01-01T00:00:00Z');
    const rule = cronRule('@daily', { startsAt, endsAt: startsAt + 2 * DAY });
    expect(plannedBetween(rule, 0, Infinity)).toEqual([startsAt, startsAt + DAY, startsAt + 2 * DAY]);
  });

  it('refuses what is not an instant and ends where calendars end', () => {
    const rule = cronRule('@daily');
    for (const after of [NaN, Infinity, -Infinity]) expect(() => nextAfter(rule, after)).toThrow(RangeError);
    for (const count of [0, -1, 1.5, NaN, 1_001]) expect(() => upcoming(rule, 0, count)).toThrow(RangeError);
    expect(nextAfter(rule, Number.MAX_VALUE)).toBeNull();
    expect(nextAfter(rule, -Number.MAX_VALUE)).toBe(instant('1900-01-01T00:00:00Z'));
    expect(upcoming(rule, -Number.MAX_VALUE, 1)).toHaveLength(1);
  });
});

describe('interval rules', () => {
  it('stay on the grid of their anchor, however late they are asked', () => {
    const rule = timingRule({ type: 'interval', intervalSeconds: 90, anchorAt: 1_500 });
    expect(nextAfter(rule, 0)).toBe(1_500);
    expect(nextAfter(rule, 1_500)).toBe(91_500);
    expect(nextAfter(rule, 1_500 + 90_000 * 1_000_000 + 89_999)).toBe(1_500 + 90_000 * 1_000_001);
  });
});

describe('once rules', () => {
  it('run once', () => {
    const rule = timingRule({ type: 'once', runAt: 5_000 });
    expect(nextAfter(rule, 4_999)).toBe(5_000);
    expect(nextAfter(rule, 5_000)).toBeNull();
  });
});

describe('jitter', () => {
  it('is a stable delay inside its window that never reaches the next slot or passes the end', () => {
    fc.assert(
      fc.property(anyRule, moment, (rule, from) => {
        const planned = plannedAfter(rule, from);
        fc.pre(planned !== null);
        const { nominal, at } = planned;
        const next = nextAfter({ ...rule, jitterSeconds: 0, endsAt: null }, nominal) ?? Infinity;
        expect(at).toBeGreaterThanOrEqual(nominal);
        expect(at).toBeLessThan(Math.min(next, nominal + Math.max(rule.jitterSeconds * 1000, 1)));
        expect(plannedAfter(rule, at - 1)).toEqual(planned);
      }),
    );
  });

  it('shortens its window to the end of the rule', () => {
    const runAt = 1_000;
    const delays = [0, 1, 2, 3, 4, 5, 6, 7].map((seed) => {
      const timing = { type: 'once', runAt, endsAt: runAt + 2_000, jitterSeconds: 3_600 };
      return nextAfter(timingRule({ ...timing, jitterSeed: String(seed) }), 0)! - runAt;
    });
    expect(new Set(delays)).toEqual(new Set([0, 1_000, 2_000]));
  });

  it('loses and repeats no slot of an uneven rule, from wherever one asks', () => {
    const bursts = cronRule('0-7,40,41 0,1,5 * * *');
    const nominal = plannedBetween(bursts, 0, 3 * DAY);
    for (let seed = 0; seed < 20; seed += 1) {
      const rule = { ...bursts, jitterSeconds: 40_000, jitterSeed: String(seed) };
      const planned = nominal.slice(0, -1).map((slot, index) => {
        const window = Math.min(40_000, (nominal[index + 1]! - slot) / 1000);
        return slot + (jitterHash(rule.jitterSeed) % window) * 1000;
      });
      for (let at = 0; at < 2 * DAY; at += 13 * MINUTE) {
        expect(nextAfter(rule, at)).toBe(planned.find((other) => other > at));
      }
    }
  });

  it('delays every slot of an even rule alike and spreads rules over the window', () => {
    const hourly = cronRule('0 * * * *', { jitterSeconds: 60 });
    const delays = Array.from({ length: 2_000 }, (_, index) => {
      const rule = { ...hourly, jitterSeed: `rule-${index}` };
      const first = nextAfter(rule, -1)!;
      expect(nextAfter(rule, first)).toBe(first + 60 * MINUTE);
      return first / 1000;
    });
    const perSecond = Array.from(
      { length: 60 },
      (_, second) => delays.filter((delay) => delay === second).length,
    );
    // 33 are expected in each second; with five standard deviations to either side this does not fail by chance.
    expect(Math.min(...perSecond)).toBeGreaterThan(4);
    expect(Math.max(...perSecond)).toBeLessThan(63);
  });

  it('keeps its values: a changed hash would plan every jittered slot a second time', () => {
    const rule = cronRule('@daily', { jitterSeconds: 86_400 });
    const seeds = ['', 'a', '0198f4b2-0000-7000-8000-000000000000'];
    expect(seeds.map((jitterSeed) => nextAfter({ ...rule, jitterSeed }, -1))).toEqual([
      26_123_000, 27_315_000, 79_785_000,
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { civilOfDay, dayOfFirst, weekdayOfDay } from './calendar.js';
import { DaySet, parseDays, WEEKDAY_NAMES, type DayError, type NamedDays } from './days.js';

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`) / 86_400_000;
const date = (number: number): string => new Date(number * 86_400_000).toISOString().slice(0, 10);

function set(dates: string[], weekdays: string[] = []): DaySet {
  const parsed = parseDays({ dates, weekdays });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.days!;
}

function errorsOf(days: NamedDays): readonly DayError[] {
  const parsed = parseDays(days);
  return parsed.ok ? [] : parsed.errors;
}

function named(days: DaySet, from: string, to: string): string[] {
  const found: string[] = [];
  for (let number = day(from); number <= day(to); number += 1) if (days.has(number)) found.push(date(number));
  return found;
}

describe('days', () => {
  it.each<[string[], string[], [string, string], string[]]>([
    [['2026-12-25'], [], ['2026-12-01', '2027-12-31'], ['2026-12-25']],
    [['2026-12-31/2027-01-02'], [], ['2026-12-01', '2027-12-31'], ['2026-12-31', '2027-01-01', '2027-01-02']],
    [['--12-25'], [], ['2026-12-01', '2027-12-31'], ['2026-12-25', '2027-12-25']],
    [['--02-29'], [], ['2026-01-01', '2032-12-31'], ['2028-02-29', '2032-02-29']],
    [['--12-31/--01-01'], [], ['2026-12-01', '2027-12-31'], ['2026-12-31', '2027-01-01', '2027-12-31']],
    [['--02-28/--03-01'], [], ['2028-02-01', '2028-04-01'], ['2028-02-28', '2028-02-29', '2028-03-01']],
    [[], ['SAT', 'SUN'], ['2026-11-20', '2026-11-24'], ['2026-11-21', '2026-11-22']],
    [['2026-11-23', '2026-11-23'], ['SAT'], ['2026-11-20', '2026-11-24'], ['2026-11-21', '2026-11-23']],
  ])('%j %j', (dates, weekdays, [from, to], expected) => {
    expect(named(set(dates, weekdays), from, to)).toEqual(expected);
  });

  it('are none when nothing is named', () => {
    expect(parseDays({ dates: [], weekdays: [] })).toEqual({ ok: true, days: null });
    expect(DaySet.union([null, null])).toBeNull();
  });

  it.each<[string, string | undefined]>([
    ['2026-02-30', '2026-02-28'],
    ['2026-2-3', '2026-02-03'],
    ['2026-31-12', '2026-12-31'],
    ['20261225', '2026-12-25'],
    ['12-25', '--12-25'],
    ['-12-5', '--12-05'],
    ['2026.12.25', '2026-12-25'],
    ['2027-01-02/2026-12-31', '2026-12-31/2027-01-02'],
    ['2026-12-24..2026-12-26', '2026-12-24/2026-12-26'],
    ['2026-12-24/--12-26', undefined],
    ['2026-12-24/2026-12-25/2026-12-26', undefined],
    ['1850-01-01', undefined],
    ['', undefined],
    ['/', undefined],
    ['Christmas', undefined],
    ['２０２６-12-25', undefined],
    ['۲۰۲۶-۱۲-۲۵', undefined],
    ['2026-00-10', undefined],
    ['2026-12-25\u0000', undefined],
    ['😀'.repeat(40), undefined],
  ])('refuse %j and suggest %j', (text, suggestion) => {
    const errors = errorsOf({ dates: ['2026-01-01', text], weekdays: [] });
    expect(errors.map((one) => [one.field, one.suggestion])).toEqual([['dates.1', suggestion]]);
  });

  it.each<[string, string | undefined]>([
    ['monday', 'MON'],
    ['sat', 'SAT'],
    ['Montag', 'MON'],
    ['7', undefined],
  ])('refuse the weekday %j and suggest %j', (text, suggestion) => {
    const errors = errorsOf({ dates: [], weekdays: [text] });
    expect(errors.map((one) => [one.field, one.suggestion])).toEqual([['weekdays.0', suggestion]]);
  });

  it('must leave a day of the week, and report all problems at once', () => {
    expect(parseDays({ dates: [], weekdays: [...WEEKDAY_NAMES] })).toMatchObject({ ok: false });
    const errors = errorsOf({ dates: ['x', '2026-01-01', 'y'], weekdays: ['z'] });
    expect(errors.map(({ field }) => field)).toEqual(['weekdays.0', 'dates.0', 'dates.2']);
  });

  it('end the search for a free day', () => {
    expect(set(['--01-01/--12-31']).nextFree(0)).toBeNull();
    const weekend = set([], ['SAT', 'SUN']);
    expect(date(weekend.nextFree(day('2026-11-21'))!)).toBe('2026-11-23');
    expect(weekend.nextFree(day('2026-11-23'))).toBe(day('2026-11-23'));
    expect(date(set(['1900-01-01/9999-12-30']).nextFree(0)!)).toBe('9999-12-31');
  });
});

const anyDate = fc
  .record({
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.integer({ min: 1, max: 28 }),
    year: fc.integer({ min: 2024, max: 2029 }),
  })
  .map(
    ({ year, month, day: of }) => `${year}-${String(month).padStart(2, '0')}-${String(of).padStart(2, '0')}`,
  );
const anyDays: fc.Arbitrary<NamedDays> = fc.record({
  weekdays: fc.uniqueArray(fc.constantFrom(...WEEKDAY_NAMES), { maxLength: 6 }),
  dates: fc.array(
    fc.oneof(
      anyDate,
      anyDate.map((text) => `-${text.slice(4)}`),
      fc.tuple(anyDate, anyDate).map((pair) => pair.toSorted().join('/')),
      fc.tuple(anyDate, anyDate).map((pair) => pair.map((text) => `-${text.slice(4)}`).join('/')),
    ),
    { maxLength: 8 },
  ),
});

/** The contract in its plainest form: compares texts. Shares no code with the set. */
function isNamed({ dates, weekdays }: NamedDays, number: number): boolean {
  const text = date(number);
  const yearly = `-${text.slice(4)}`;
  if (weekdays.includes(WEEKDAY_NAMES[new Date(number * 86_400_000).getUTCDay()]!)) return true;
  return dates.some((one) => {
    const [from = '', to = from] = one.split('/');
    if (!from.startsWith('--')) return from <= text && text <= to;
    return from <= to ? from <= yearly && yearly <= to : yearly >= from || yearly <= to;
  });
}

describe('any days', () => {
  it('are those that are named, also of several sets, and the next free one is the first that is not', () => {
    fc.assert(
      fc.property(fc.array(anyDays, { minLength: 1, maxLength: 3 }), (sets) => {
        const days = DaySet.union(
          sets.map((one) => {
            const parsed = parseDays(one);
            return parsed.ok ? parsed.days : null;
          }),
        );
        const wrong: string[] = [];
        let free: number | null = null;
        for (let number = day('2029-03-31'); number >= day('2027-11-01'); number -= 1) {
          const expected = sets.some((one) => isNamed(one, number));
          if ((days?.has(number) ?? false) !== expected) wrong.push(date(number));
          if (!expected) free = number;
          if (free !== null && days && days.nextFree(number) !== free) wrong.push(`from ${date(number)}`);
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('never throw, whatever is written, and suggest only what is valid', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.stringMatching(/^[-0-9/.]{0,22}$/),
    );
    fc.assert(
      fc.property(
        fc.array(hostile, { maxLength: 5 }),
        fc.array(hostile, { maxLength: 3 }),
        (dates, weekdays) => {
          const refused = errorsOf({ dates, weekdays }).flatMap(({ field, suggestion }) => {
            if (suggestion === undefined) return [];
            const again = field.startsWith('dates')
              ? { dates: [suggestion], weekdays: [] }
              : { dates: [], weekdays: [suggestion] };
            return errorsOf(again);
          });
          expect(refused).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('agree with the calendar', () => {
    const number = dayOfFirst(2026, 11) + 20;
    expect([civilOfDay(number), WEEKDAY_NAMES[weekdayOfDay(number)]]).toEqual([
      { year: 2026, month: 11, day: 21 },
      'SAT',
    ]);
  });
});

import { civilOfDay, dayOfFirst, monthLength, weekdayOfDay } from './calendar.js';

export const WEEKDAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;
export type WeekdayName = (typeof WEEKDAY_NAMES)[number];

/** As many as a set may name: some decades of public holidays. */
export const MAX_DATES = 1_000;

/** Days as people write them. A date: `2026-12-25`, `--12-25` (every year), or two of a kind with `/` between. */
export interface NamedDays {
  readonly dates: readonly string[];
  readonly weekdays: readonly string[];
}

export interface DayError {
  /** `dates.3` or `weekdays.0`. */
  readonly field: string;
  readonly message: string;
  /** The nearest valid value, when one is near. */
  readonly suggestion?: string;
}

export type ParsedDays =
  | { readonly ok: true; readonly days: DaySet | null }
  | { readonly ok: false; readonly errors: readonly DayError[] };

/** Both included, days since 1970. */
type Range = readonly [from: number, to: number];
type MonthDay = readonly [month: number, day: number];

const SLOTS_OF_A_YEAR = 12 * 31;
/**
 * After so many days without a free one the search gives up: what weekdays and yearly dates leave open within
 * fifty years is next to nothing, and without a bound a set that leaves out everything would never end it.
 */
const DAYS_TO_SEARCH = 50 * 366;

/** Local days on which something is left out. Immutable, and the same for every zone. */
export class DaySet {
  private constructor(
    private readonly parts: readonly {
      readonly weekdays: number;
      readonly yearly: Uint8Array;
      /** In order, not touching one another. */
      readonly ranges: readonly Range[];
    }[],
  ) {}

  static of(weekdays: number, yearly: Uint8Array, ranges: readonly Range[]): DaySet {
    return new DaySet([{ weekdays, yearly, ranges: joined(ranges) }]);
  }

  /** The days of any of them; null for none at all. */
  static union(sets: readonly (DaySet | null)[]): DaySet | null {
    const parts = sets.flatMap((set) => set?.parts ?? []);
    return parts.length === 0 ? null : new DaySet(parts);
  }

  /** `day` counts from 1970-01-01. */
  has(day: number): boolean {
    return this.parts.some(
      ({ weekdays, yearly, ranges }) =>
        (weekdays & (1 << weekdayOfDay(day))) !== 0 || isYearly(yearly, day) || rangeOf(ranges, day) !== null,
    );
  }

  /** The first day from `day` on that is not among them; null when there is none for fifty years. */
  nextFree(day: number): number | null {
    let at = day;
    for (let step = 0; step < DAYS_TO_SEARCH; step += 1) {
      if (!this.has(at)) return at;
      const ends = this.parts.map(({ ranges }) => rangeOf(ranges, at)?.[1] ?? at);
      at = Math.max(...ends) + 1;
    }
    return null;
  }
}

/** Reads days as people write them, and reports all that is wrong at once. `days` is null when none is named. */
export function parseDays({ dates, weekdays }: NamedDays): ParsedDays {
  const errors: DayError[] = [];
  const yearly = new Uint8Array(SLOTS_OF_A_YEAR);
  const ranges: Range[] = [];
  let mask = 0;
  for (const [index, text] of weekdays.entries()) {
    const weekday = WEEKDAY_NAMES.findIndex((name) => name === text);
    if (weekday >= 0) mask |= 1 << weekday;
    else errors.push({ field: `weekdays.${index}`, ...weekdayProblem(text) });
  }
  for (const [index, text] of dates.entries()) {
    const read = readDates(text);
    if (read === null) errors.push({ field: `dates.${index}`, ...dateProblem(text) });
    else if (read.every) markYearly(yearly, read.every[0], read.every[1]);
    else ranges.push(read.once);
  }
  if (errors.length > 0) return { ok: false, errors };
  if (mask === 0b111_1111)
    return { ok: false, errors: [{ field: 'weekdays', message: 'must leave a day of the week' }] };
  const isEmpty = mask === 0 && ranges.length === 0 && !yearly.includes(1);
  return { ok: true, days: isEmpty ? null : DaySet.of(mask, yearly, ranges) };
}

const slotOf = ([month, day]: MonthDay): number => (month - 1) * 31 + day - 1;

function isYearly(yearly: Uint8Array, dayNumber: number): boolean {
  const { month, day } = civilOfDay(dayNumber);
  return yearly[slotOf([month, day])] === 1;
}

/** A range whose end comes before its beginning goes over the turn of the year. */
function markYearly(yearly: Uint8Array, from: MonthDay, to: MonthDay): void {
  for (let slot = slotOf(from); ; slot = (slot + 1) % SLOTS_OF_A_YEAR) {
    yearly[slot] = 1;
    if (slot === slotOf(to)) return;
  }
}

/** One date, or the first and the last of a range; null for anything else. */
function readDates(text: string): { once: Range; every?: never } | { every: [MonthDay, MonthDay] } | null {
  const [from = '', to = from, ...more] = text.split('/');
  const [first, last] = [readDate(from), readDate(to)];
  if (more.length > 0 || first === null || last === null) return null;
  if (typeof first === 'number' && typeof last === 'number')
    return first <= last ? { once: [first, last] } : null;
  return typeof first === 'number' || typeof last === 'number' ? null : { every: [first, last] };
}

/** A day number, a month and day of every year, or null for what is neither. */
function readDate(text: string): number | MonthDay | null {
  const parts = /^(?:(\d{4})-|--)(\d\d)-(\d\d)$/.exec(text);
  if (!parts) return null;
  const [year, month, day] = [parts[1], Number(parts[2]), Number(parts[3])];
  // A leap year, so that 29 February of every year can be named.
  const inYear = year === undefined ? 2000 : Number(year);
  if (inYear < 1900 || month < 1 || month > 12 || day < 1 || day > monthLength(inYear, month)) return null;
  return year === undefined ? [month, day] : dayOfFirst(inYear, month) + day - 1;
}

function joined(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const [from, to] of ranges.toSorted((left, right) => left[0] - right[0])) {
    const last = result.at(-1);
    if (last && from <= last[1] + 1) result[result.length - 1] = [last[0], Math.max(last[1], to)];
    else result.push([from, to]);
  }
  return result;
}

function rangeOf(ranges: readonly Range[], day: number): Range | null {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] < day) low = middle + 1;
    else high = middle;
  }
  const found = ranges[low];
  return found && found[0] <= day ? found : null;
}

function weekdayProblem(text: string): Omit<DayError, 'field'> {
  const letters = text.trim().slice(0, 3).toUpperCase();
  const suggestion = WEEKDAY_NAMES.find((name) => name === letters);
  return { message: `must be one of ${WEEKDAY_NAMES.join(', ')}`, ...(suggestion && { suggestion }) };
}

function dateProblem(text: string): Omit<DayError, 'field'> {
  const message =
    'must be a date such as 2026-12-25, --12-25 for every year, or two of them with / between, the earlier one first';
  const parts = text.length > 64 ? [] : text.trim().split(/\s*(?:\/|\.\.|–|—|\bto\b)\s*/);
  const read = parts.map(nearestDate).filter((part) => part !== null);
  if (read.length !== parts.length || read.length === 0 || read.length > 2) return { message };
  const [first = '', second = first] = read;
  const mayWrap = first.startsWith('--') && second.startsWith('--');
  const suggestion = (first > second && !mayWrap ? [second, first] : read).join('/');
  return readDates(suggestion) === null ? { message } : { message, suggestion };
}

/** The valid date that was probably meant: digits filled up, day and month in their places, not beyond its month. */
function nearestDate(text: string): string | null {
  const parts =
    /^(?:(\d{4})[-.]|-{0,2})(\d{1,2})[-.](\d{1,2})$/.exec(text) ?? /^(\d{4})(\d\d)(\d\d)$/.exec(text);
  if (!parts) return null;
  const [year, second, third] = [parts[1], Number(parts[2]), Number(parts[3])];
  const [month, day] = second > 12 && third <= 12 ? [third, second] : [second, third];
  if (month < 1 || month > 12 || day < 1) return null;
  const last = monthLength(year === undefined ? 2000 : Number(year), month);
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  return `${year === undefined ? '-' : year}-${twoDigits(month)}-${twoDigits(Math.min(day, last))}`;
}

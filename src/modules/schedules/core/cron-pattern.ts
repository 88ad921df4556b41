import { CronPattern } from 'croner';
import { BoundedCache } from './bounded-cache.js';
import { civilOfDay, dayOfFirst, monthLength, SECONDS_PER_DAY, weekdayOfDay } from './calendar.js';

/** S1-25 stores the expression in 100 characters. */
export const CRON_MAX_LENGTH = 100;

/** The Gregorian calendar repeats after 400 years to the weekday: what does not match in that time never does. */
const CALENDAR_CYCLE_MONTHS = 400 * 12 + 1;

export class CronSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CronSyntaxError';
  }
}

/**
 * A cron expression as look-up tables over *wall time*: seconds since 1970-01-01T00:00:00 as a clock on the wall
 * counts them, without any zone. It knows nothing of daylight saving; `planned-instants.ts` maps it to instants.
 */
export interface CompiledCron {
  /**
   * Hour and minute are given as values, lists or ranges, without wildcard or step. Only such a pattern names
   * times of day, and only for it does the rule's daylight-saving policy apply; others follow elapsed time.
   */
  readonly fixedTime: boolean;
  readonly everyHour: boolean;
  /** The earliest matching wall second at or after `wall`; null when none follows within 400 years. */
  nextWall(wall: number): number | null;
}

/** For each value 0..size, the smallest allowed value at or above it, or -1. */
function successors(allowed: readonly number[], size: number): Int8Array {
  const next = new Int8Array(size + 1).fill(-1);
  for (let value = size - 1; value >= 0; value -= 1) next[value] = allowed[value] ? value : next[value + 1]!;
  return next;
}

/** croner's day fields, kept without its per-pattern table of 10,000 years. */
type DayFields = Pick<
  CronPattern,
  | 'day'
  | 'dayOfWeek'
  | 'nearestWeekdays'
  | 'lastWeekday'
  | 'lastDayOfMonth'
  | 'starDOM'
  | 'starDOW'
  | 'useAndLogic'
>;

/** `15W`: the weekday nearest to that day inside the same month; 0 when the month has no such day. */
function nearestWeekday(day: number, length: number, weekday: number): number {
  if (day > length) return 0;
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === length ? day - 2 : day + 1;
  return day;
}

/** The matching days of a month, bit 0 for its first day. Depends only on the month's shape, so 28 masks suffice. */
function dayMask(fields: DayFields, length: number, firstWeekday: number): number {
  const weekdayOf = (day: number): number => (firstWeekday + day - 1) % 7;
  const byNearest = new Set<number>();
  fields.nearestWeekdays.forEach((wanted, index) => {
    if (wanted) byNearest.add(nearestWeekday(index + 1, length, weekdayOf(index + 1)));
  });
  const lastWeekdayShift = [2, 0, 0, 0, 0, 0, 1][weekdayOf(length)]!;
  let mask = 0;
  for (let day = 1; day <= length; day += 1) {
    let matches =
      Boolean(fields.day[day - 1]) ||
      byNearest.has(day) ||
      (fields.lastWeekday && day === length - lastWeekdayShift) ||
      (fields.lastDayOfMonth && day === length);
    if (!fields.starDOW) {
      // Bits 1, 2, 4, 8, 16 ask for the first to fifth such weekday of the month, 32 for the last one.
      const wanted = fields.dayOfWeek[weekdayOf(day)] ?? 0;
      const isNth = (wanted & (1 << (Math.ceil(day / 7) - 1))) !== 0;
      const byWeekday = isNth || ((wanted & 32) !== 0 && day + 7 > length);
      // Classic cron: two restricted day fields are alternatives; `+` before the weekday demands both.
      matches = fields.useAndLogic || fields.starDOM ? matches && byWeekday : matches || byWeekday;
    }
    if (matches) mask |= 1 << (day - 1);
  }
  return mask;
}

class CompiledCronTables implements CompiledCron {
  readonly fixedTime: boolean;
  readonly everyHour: boolean;
  private readonly seconds: Int8Array;
  private readonly minutes: Int8Array;
  private readonly hours: Int8Array;
  private readonly firstTimeOfDay: number;
  private readonly months: readonly boolean[];
  private readonly days: DayFields;
  /** One mask per month shape (28..31 days × first weekday), -1 until it is needed. */
  private readonly dayMasks = new Int32Array(28).fill(-1);
  private readonly maskKnown = new Uint8Array(28);

  constructor(expression: string) {
    const pattern = readPattern(expression);
    const fields = pattern.pattern.trim().split(/\s+/);
    const [minute, hour] = fields.length === 6 ? fields.slice(1, 3) : fields.slice(0, 2);
    this.fixedTime = !/[*?/]/.test(`${minute}${hour}`);
    this.everyHour = pattern.hour.every(Boolean);
    this.seconds = successors(pattern.second, 60);
    this.minutes = successors(pattern.minute, 60);
    this.hours = successors(pattern.hour, 24);
    this.firstTimeOfDay = this.hours[0]! * 3600 + this.minutes[0]! * 60 + this.seconds[0]!;
    this.months = pattern.month.map(Boolean);
    this.days = {
      day: pattern.day,
      dayOfWeek: pattern.dayOfWeek,
      nearestWeekdays: pattern.nearestWeekdays,
      lastWeekday: pattern.lastWeekday,
      lastDayOfMonth: pattern.lastDayOfMonth,
      starDOM: pattern.starDOM,
      starDOW: pattern.starDOW,
      useAndLogic: pattern.useAndLogic,
    };
  }

  nextWall(wall: number): number | null {
    const today = Math.floor(wall / SECONDS_PER_DAY);
    const day = this.nextDay(today);
    if (day === today) {
      const timeOfDay = this.nextTimeOfDay(wall - today * SECONDS_PER_DAY);
      if (timeOfDay >= 0) return today * SECONDS_PER_DAY + timeOfDay;
      const later = this.nextDay(today + 1);
      return later === null ? null : later * SECONDS_PER_DAY + this.firstTimeOfDay;
    }
    return day === null ? null : day * SECONDS_PER_DAY + this.firstTimeOfDay;
  }

  private nextTimeOfDay(from: number): number {
    const hour = Math.floor(from / 3600);
    const minute = Math.floor((from % 3600) / 60);
    if (this.hours[hour] === hour) {
      if (this.minutes[minute] === minute) {
        const second = this.seconds[from % 60]!;
        if (second >= 0) return from - (from % 60) + second;
      }
      const laterMinute = this.minutes[minute + 1]!;
      if (laterMinute >= 0) return hour * 3600 + laterMinute * 60 + this.seconds[0]!;
    }
    const laterHour = this.hours[hour + 1]!;
    return laterHour < 0 ? -1 : laterHour * 3600 + this.minutes[0]! * 60 + this.seconds[0]!;
  }

  private nextDay(from: number): number | null {
    let { year, month, day } = civilOfDay(from);
    for (let step = 0; step < CALENDAR_CYCLE_MONTHS; step += 1) {
      if (this.months[month - 1]) {
        const first = dayOfFirst(year, month);
        const remaining = this.maskOf(monthLength(year, month), weekdayOfDay(first)) & (-1 << (day - 1));
        if (remaining !== 0) return first + 31 - Math.clz32(remaining & -remaining);
      }
      day = 1;
      month = month === 12 ? 1 : month + 1;
      if (month === 1) year += 1;
    }
    return null;
  }

  private maskOf(length: number, firstWeekday: number): number {
    const shape = (length - 28) * 7 + firstWeekday;
    if (!this.maskKnown[shape]) {
      this.dayMasks[shape] = dayMask(this.days, length, firstWeekday);
      this.maskKnown[shape] = 1;
    }
    return this.dayMasks[shape]!;
  }
}

function readPattern(expression: string): CronPattern {
  if (expression.length > CRON_MAX_LENGTH) {
    throw new CronSyntaxError(`must not be longer than ${CRON_MAX_LENGTH} characters`);
  }
  try {
    return new CronPattern(expression, undefined, { mode: '5-or-6-parts' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CronSyntaxError(reason.replace(/^CronPattern: /, ''));
  }
}

const compiled = new BoundedCache<string, CompiledCron>(10_000);

/**
 * Compile an expression of 5 fields (minute hour day month weekday) or 6 (second first), or a nickname such as
 * `@daily`. Results are shared between equal expressions. Throws CronSyntaxError. The syntax is croner's.
 */
export function compileCron(expression: string): CompiledCron {
  return compiled.getOrCompute(expression, (text) => new CompiledCronTables(text));
}

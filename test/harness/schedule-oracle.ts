/**
 * When a rule runs, said a second time. It shares nothing with the planner: it walks over every minute of the window,
 * asks the runtime's calendar for the local time of each, and applies the words of the contract
 * (src/modules/schedules/core/README.md) to what it sees. Slow, and obvious. For rules without seconds in their
 * expressions.
 */
export interface OracleRule {
  /** The seed of its jitter. */
  readonly id: string;
  readonly ruleType: 'cron' | 'interval' | 'once';
  readonly cronExpression?: string;
  readonly intervalSeconds?: number;
  readonly anchorAt?: number;
  readonly runAt?: number;
  readonly timezone: string;
  readonly dstPolicy: { readonly gap: 'run_after' | 'skip'; readonly overlap: 'first' | 'last' | 'both' };
  readonly startsAt?: number | undefined;
  readonly endsAt?: number | undefined;
  /** At most a day. */
  readonly jitterSeconds: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60;

/** A clock on a wall: minutes since 1970 that it shows. Its fields follow from the number alone. */
type WallMinute = number;

/** What the clocks of a zone show in every minute of a window and a day around it. */
export class WallClock {
  /** By UTC minute, from `first` on. */
  private readonly shown: readonly WallMinute[];
  private readonly first: number;

  constructor(zone: string, from: number, to: number) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    this.first = Math.floor(from / MINUTE) - DAY;
    const last = Math.ceil(to / MINUTE) + DAY;
    const shown: WallMinute[] = [];
    for (let minute = this.first; minute <= last; minute += 1) {
      // 03/28/2026, 12:00
      const [month = 1, day = 1, year = 0, hour = 0, minutes = 0] = format
        .format(minute * MINUTE)
        .split(/\D+/)
        .map(Number);
      shown.push(Date.UTC(year, month - 1, day, hour, minutes) / MINUTE);
    }
    this.shown = shown;
  }

  /** Minutes since 1970 at which it shows this; in the order of time. */
  *minutes(): Iterable<{ readonly utc: number; readonly wall: WallMinute; readonly before: WallMinute }> {
    for (let index = 1; index < this.shown.length; index += 1)
      yield { utc: this.first + index, wall: this.shown[index]!, before: this.shown[index - 1]! };
  }

  /** The day it shows at an instant, as `YYYY-MM-DD`. */
  dayAt(at: number): string {
    const wall = this.shown[Math.floor(at / MINUTE) - this.first] ?? Number.NaN;
    return new Date(wall * MINUTE).toISOString().slice(0, 10);
  }

  /** By how many minutes it is set ahead, or back, between two instants. */
  changeIn(from: number, to: number): number {
    let change = 0;
    for (const { utc, wall, before } of this.minutes())
      if (utc * MINUTE > from && utc * MINUTE <= to) change += wall - before - 1;
    return change;
  }
}

/** The planned instants (epoch ms) of a rule in [from, to], in order: each as late as the jitter of the rule makes it. */
export function oracle(rule: OracleRule, clock: WallClock, from: number, to: number): number[] {
  const { startsAt = -Infinity, endsAt = Infinity, jitterSeconds } = rule;
  const said = instantsOf(rule, clock, to + 2 * DAY * MINUTE);
  return said
    .map((at, index) => {
      if (at < startsAt || at > endsAt) return Number.NaN;
      // It stays before the next instant of the pattern, and does not pass the end of the rule.
      const next = said[index + 1] ?? Infinity;
      let window = 0;
      for (let late = at; window < jitterSeconds && late < next && late <= endsAt; late += 1000) window += 1;
      return window === 0 ? at : at + Number(hashOf(rule.id) % BigInt(window)) * 1000;
    })
    .filter((at) => at >= from && at <= to);
}

/** What the pattern says, as far as the window reaches and a day around it. */
function instantsOf(rule: OracleRule, clock: WallClock, until: number): number[] {
  if (rule.ruleType === 'once') return rule.runAt === undefined ? [] : [rule.runAt];
  if (rule.ruleType === 'interval') return ticksOf(rule, until);
  return [...cronMinutes(rule, clock)].toSorted((a, b) => a - b).map((utc) => utc * MINUTE);
}

/** FNV-1a over the characters, finished as MurmurHash3 does it: both in numbers as large as they get, cut to 32 bits. */
function hashOf(seed: string): bigint {
  const cut = (value: bigint): bigint => value % 2n ** 32n;
  let hash = 2_166_136_261n;
  for (const character of seed) hash = cut((hash ^ BigInt(character.charCodeAt(0))) * 16_777_619n);
  hash = cut((hash ^ (hash / 2n ** 16n)) * 2_246_822_507n);
  hash = cut((hash ^ (hash / 2n ** 13n)) * 3_266_489_909n);
  return hash ^ (hash / 2n ** 16n);
}

function ticksOf({ anchorAt = 0, intervalSeconds = 1 }: OracleRule, until: number): number[] {
  const ticks: number[] = [];
  for (let at = anchorAt; at <= until; at += intervalSeconds * 1000) ticks.push(at);
  return ticks;
}

function cronMinutes(rule: OracleRule, clock: WallClock): Set<number> {
  const expression = rule.cronExpression ?? '';
  const [minute = '*', hour = '*'] = expression.split(' ');
  const isTimeOfDay = !/[*/]/.test(minute + hour);
  const found = new Set<number>();
  const seen = new Map<WallMinute, number>();
  for (const { utc, wall, before } of clock.minutes()) {
    if (!isTimeOfDay) {
      if (matches(expression, wall)) found.add(utc);
      continue;
    }
    // Wall times between the last minute and this one never come.
    if (rule.dstPolicy.gap === 'run_after')
      for (let missing = before + 1; missing < wall; missing += 1)
        if (matches(expression, missing)) found.add(utc);
    if (!matches(expression, wall)) continue;
    const first = seen.get(wall);
    seen.set(wall, first ?? utc);
    if (first === undefined || rule.dstPolicy.overlap === 'both') found.add(utc);
    else if (rule.dstPolicy.overlap === 'last') {
      found.delete(first);
      found.add(utc);
    }
  }
  return found;
}

function matches(expression: string, wall: WallMinute): boolean {
  const [minute, hour, day, month, weekday] = expression.split(' ') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const at = new Date(wall * MINUTE);
  if (!allows(minute, at.getUTCMinutes(), 59)) return false;
  if (!allows(hour, at.getUTCHours(), 23)) return false;
  if (!allows(month, at.getUTCMonth() + 1, 12)) return false;
  const dayFits = allows(day, at.getUTCDate(), 31);
  const weekdayFits = allows(weekday, at.getUTCDay(), 6) || (at.getUTCDay() === 0 && allows(weekday, 7, 7));
  // Where both are restricted, either will do.
  return day !== '*' && weekday !== '*' ? dayFits || weekdayFits : dayFits && weekdayFits;
}

/** Numbers, ranges and steps, divided by commas. */
function allows(field: string, value: number, most: number): boolean {
  return field.split(',').some((part) => {
    const [range = '*', step = '1'] = part.split('/');
    const [low, high] = range === '*' ? [range, `${most}`] : range.split('-');
    const from = low === '*' ? 0 : Number(low);
    const to = Number(high ?? (part.includes('/') ? most : low));
    if (value < from || value > to) return false;
    // Days and months are counted from one, and so are the steps through all of them.
    const origin = low === '*' && (most === 31 || most === 12) ? 1 : from;
    return (value - origin) % Number(step) === 0;
  });
}

import { compileCron, type CompiledCron } from './cron-pattern.js';
import { SECONDS_PER_DAY } from './calendar.js';
import { jitterHash } from './jitter.js';
import { MAX_INSTANT, MIN_INSTANT, type DaylightSavingPolicy, type TimingRule } from './timing-rule.js';
import { zoneOf, type Segment, type Zone } from './zone.js';

export interface PlannedInstant {
  /** What the pattern says, before jitter. */
  readonly nominal: number;
  /** When the slot is planned. */
  readonly at: number;
}

/**
 * The first planned instant strictly later than `after` (epoch ms), or null when there is none. Deterministic,
 * strictly increasing in its results, bounded in time for every rule. Throws RangeError for a non-finite `after`.
 */
export function nextAfter(rule: TimingRule, after: number): number | null {
  return plannedAfter(rule, after)?.at ?? null;
}

/** `nextAfter` that also tells the instant before jitter. */
export function plannedAfter(rule: TimingRule, after: number): PlannedInstant | null {
  if (!Number.isFinite(after)) throw new RangeError(`not an instant: ${after}`);
  if (rule.jitterSeconds > 0) {
    // Jitter never reaches the next nominal instant, so only the last nominal one before can still be ahead.
    const last = lastNominalUntil(rule, after);
    if (last !== null) {
      const planned = withJitter(rule, last);
      if (planned.at > after) return planned;
    }
  }
  const nominal = nominalAfter(rule, after);
  return nominal === null ? null : withJitter(rule, nominal);
}

/** Whether some local time of the pattern falls into the gap with which a segment begins. */
export function gapHidesMatch(cron: CompiledCron, segment: Segment): boolean {
  if (segment.before >= segment.offset) return false;
  const wall = cron.nextWall(segment.from + segment.before);
  return wall !== null && wall < segment.from + segment.offset;
}

function nominalAfter(rule: TimingRule, after: number): number | null {
  const floor = rule.startsAt === null ? after : Math.max(after, rule.startsAt - 1);
  const nominal = unboundedAfter(rule, Math.max(floor, MIN_INSTANT - 1));
  return nominal === null || (rule.endsAt !== null && nominal > rule.endsAt) ? null : nominal;
}

function unboundedAfter(rule: TimingRule, after: number): number | null {
  const nominal = afterByType(rule, after);
  return nominal === null || nominal > MAX_INSTANT ? null : nominal;
}

function afterByType(rule: TimingRule, after: number): number | null {
  if (rule.type === 'once') return rule.runAt !== null && rule.runAt > after ? rule.runAt : null;
  if (rule.type === 'interval') {
    // Multiples of the interval from the anchor, never "last run plus interval": late runs do not shift the grid.
    const period = (rule.intervalSeconds ?? 0) * 1000;
    if (!(period > 0)) return null;
    return rule.anchorAt + Math.max(0, Math.floor((after - rule.anchorAt) / period) + 1) * period;
  }
  if (rule.cronExpression === null) return null;
  return cronAfter(compileCron(rule.cronExpression), zoneOf(rule.timezone), rule.dst, after);
}

/**
 * Walks the zone's stretches of constant offset. Inside one, wall time and time run alike, so a pattern match
 * maps by subtraction; what daylight saving does is decided only at the borders:
 * a gap hides wall times between two stretches, an overlap gives some wall times to both.
 */
function cronAfter(cron: CompiledCron, zone: Zone, dst: DaylightSavingPolicy, after: number): number | null {
  const shiftOutOfGap = cron.fixedTime && dst.gap === 'run_after';
  const onlyFirst = cron.fixedTime && dst.overlap === 'first';
  const onlyLast = cron.fixedTime && dst.overlap === 'last';
  let instant = Math.floor(after / 1000) + 1;
  while (instant * 1000 <= MAX_INSTANT) {
    const segment = zone.segmentAt(instant);
    if (shiftOutOfGap && instant === segment.from && gapHidesMatch(cron, segment)) return instant * 1000;
    let low = instant + segment.offset;
    let high = segment.to + segment.offset;
    if (onlyFirst && segment.before > segment.offset) low = Math.max(low, segment.from + segment.before);
    if (onlyLast && segment.after < segment.offset) high = segment.to + segment.after;
    const wall = cron.nextWall(low);
    if (wall === null) return null;
    if (wall < high) return (wall - segment.offset) * 1000;
    // Two days on, no clock shows a time before `low` again, so everything up to a day before `wall` is empty:
    // offsets differ from UTC by less than a day. Without the jump, 29 February would visit every change.
    const mayRepeat = segment.to <= instant + 2 * SECONDS_PER_DAY;
    instant = mayRepeat ? segment.to : Math.max(segment.to, wall - SECONDS_PER_DAY);
  }
  return null;
}

/** The latest nominal instant at or before `until` whose jitter could still lead beyond it. */
function lastNominalUntil(rule: TimingRule, until: number): number | null {
  let last = nominalAfter(rule, until - rule.jitterSeconds * 1000);
  if (last === null || last > until) return null;
  let beyond = until;
  for (;;) {
    const next = nominalAfter(rule, last);
    if (next === null || next > until) return last;
    last = next;
    const middle = last + Math.floor((beyond - last) / 2);
    const probe = nominalAfter(rule, middle);
    if (probe !== null && probe <= until) last = probe;
    else beyond = middle;
  }
}

function withJitter(rule: TimingRule, nominal: number): PlannedInstant {
  if (rule.jitterSeconds === 0) return { nominal, at: nominal };
  // The window shrinks to the distance to the next slot and to the rule's end, so slots keep their order and
  // their number; the remainder spreads rules over a shrunk window as evenly as over a full one.
  const next = unboundedAfter(rule, nominal) ?? MAX_INSTANT + 1;
  const end = rule.endsAt === null ? MAX_INSTANT + 1 : rule.endsAt + 1;
  const room = Math.ceil((Math.min(next, end) - nominal) / 1000);
  const window = Math.max(1, Math.min(rule.jitterSeconds, room));
  return { nominal, at: nominal + (jitterHash(rule.jitterSeed) % window) * 1000 };
}

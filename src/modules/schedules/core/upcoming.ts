import { compileCron } from './cron-pattern.js';
import { isExcluded } from './excluded-instants.js';
import { gapHidesMatch, plannedAfter } from './planned-instants.js';
import { MIN_INSTANT, type TimingRule } from './timing-rule.js';
import { zoneOf, type Zone } from './zone.js';

/**
 * Why an instant is not simply what the pattern says:
 * `gap_shifted` its local time does not exist, it runs right after the gap;
 * `gap_skipped` between the previous item and this one, a local time of the pattern did not exist and was left out;
 * `overlap_first`, `overlap_last` its local time exists twice, this is the first or the last occurrence;
 * `excluded` it lies on a day that the rule leaves out, so nothing runs, whatever else there is to say.
 */
export type UpcomingNote = 'gap_shifted' | 'gap_skipped' | 'overlap_first' | 'overlap_last' | 'excluded';

export interface UpcomingInstant {
  /** Epoch ms. */
  readonly at: number;
  /** Local time in the rule's zone with its offset, RFC 3339. */
  readonly local: string;
  readonly note: UpcomingNote | null;
}

export const MAX_UPCOMING = 1_000;

/**
 * The next `count` (1..1000) planned instants strictly later than `from`: exactly what repeated `nextAfter`
 * gives, with local time and notes for people. Throws RangeError for another count.
 */
export function upcoming(rule: TimingRule, from: number, count: number): UpcomingInstant[] {
  if (!Number.isInteger(count) || count < 1 || count > MAX_UPCOMING) {
    throw new RangeError(`count must be a whole number from 1 to ${MAX_UPCOMING}`);
  }
  const zone = zoneOf(rule.timezone);
  const items: UpcomingInstant[] = [];
  let cursor = from;
  let previous = Math.max(from, (rule.startsAt ?? MIN_INSTANT) - 1);
  while (items.length < count) {
    const planned = plannedAfter(rule, cursor);
    if (planned === null) break;
    const note = isExcluded(rule, planned.at) ? 'excluded' : noteOf(rule, zone, previous, planned.nominal);
    items.push({ at: planned.at, local: localTime(zone, planned.at), note });
    cursor = planned.at;
    previous = planned.nominal;
  }
  return items;
}

function noteOf(rule: TimingRule, zone: Zone, previous: number, nominal: number): UpcomingNote | null {
  if (rule.type !== 'cron' || rule.cronExpression === null) return null;
  const cron = compileCron(rule.cronExpression);
  const instant = Math.floor(nominal / 1000);
  const segment = zone.segmentAt(instant);
  const shifts = cron.fixedTime && rule.dst.gap === 'run_after';
  if (shifts && instant === segment.from && gapHidesMatch(cron, segment)) return 'gap_shifted';
  // A pattern of every hour goes on after a gap without a missing run; only others leave one out.
  if (!shifts && !cron.everyHour) {
    let border = zone.segmentAt(Math.floor(previous / 1000)).to;
    while (border <= instant) {
      const next = zone.segmentAt(border);
      if (next.from === border && gapHidesMatch(cron, next)) return 'gap_skipped';
      border = next.to;
    }
  }
  const wall = instant + segment.offset;
  if (wall < segment.from + segment.before) return 'overlap_last';
  if (wall >= segment.to + segment.after) return 'overlap_first';
  return null;
}

function localTime(zone: Zone, at: number): string {
  const { offset } = zone.segmentAt(Math.floor(at / 1000));
  const text = new Date(at + offset * 1000).toISOString().slice(0, -1);
  return `${text.endsWith('.000') ? text.slice(0, -4) : text}${offsetText(offset)}`;
}

function offsetText(offset: number): string {
  const size = Math.abs(offset);
  const parts = [Math.floor(size / 3600), Math.floor((size % 3600) / 60)];
  if (size % 60 !== 0) parts.push(size % 60);
  return (offset < 0 ? '-' : '+') + parts.map((part) => String(part).padStart(2, '0')).join(':');
}

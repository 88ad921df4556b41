import { SECONDS_PER_DAY } from './calendar.js';
import { nextAfter } from './planned-instants.js';
import type { TimingRule } from './timing-rule.js';
import { zoneOf, type Zone } from './zone.js';

/** Whether a planned instant lies on a day that the rule leaves out: the day that clocks in its zone show then. */
export function isExcluded(rule: TimingRule, at: number): boolean {
  return rule.exclusions !== null && rule.exclusions.has(localDay(zoneOf(rule.timezone), at));
}

/**
 * The first planned instant strictly later than `after` that is not excluded, or null when there is none or only
 * after fifty years without a day that is left. Goes over excluded days at once, so that a rule of every second
 * with an excluded month costs no more than any other.
 */
export function nextRunAfter(rule: TimingRule, after: number): number | null {
  let at = nextAfter(rule, after);
  if (rule.exclusions === null) return at;
  const zone = zoneOf(rule.timezone);
  while (at !== null) {
    const day = localDay(zone, at);
    if (!rule.exclusions.has(day)) return at;
    const free = rule.exclusions.nextFree(day + 1);
    if (free === null) return null;
    // Where clocks go back over midnight a day comes twice; never stepping back keeps the search going.
    at = nextAfter(rule, Math.max(at, startOfDay(zone, free) * 1000 - 1));
  }
  return null;
}

function localDay(zone: Zone, at: number): number {
  const instant = Math.floor(at / 1000);
  return Math.floor((instant + zone.segmentAt(instant).offset) / SECONDS_PER_DAY);
}

/** The first second at which clocks show this day or a later one. */
function startOfDay(zone: Zone, day: number): number {
  const midnight = day * SECONDS_PER_DAY;
  // Offsets differ from UTC by less than a day, so here clocks still show a day before.
  let instant = midnight - SECONDS_PER_DAY;
  for (;;) {
    const { offset, to } = zone.segmentAt(instant);
    if (instant + offset >= midnight) return instant;
    if (midnight < to + offset) return midnight - offset;
    instant = to;
  }
}

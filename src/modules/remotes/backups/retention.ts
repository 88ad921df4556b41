import { instantOf } from './backup-stamp.js';

/** What a backup keeps; a version that any of the rules names stays. Without any rule everything stays. */
export interface RetentionRules {
  readonly keepLast?: number | undefined;
  readonly keepDaily?: number | undefined;
  readonly keepWeekly?: number | undefined;
  readonly keepMonthly?: number | undefined;
}

/** Whether anything is ever removed. */
export function removesAnything(rules: RetentionRules): boolean {
  const { keepLast, keepDaily, keepWeekly, keepMonthly } = rules;
  return [keepLast, keepDaily, keepWeekly, keepMonthly].some((rule) => rule !== undefined);
}

/**
 * The versions that stay. Days, weeks (ISO) and months are those of UTC and count where they have a version; the last
 * version of each is the one that is kept. The newest version always stays, and so does a text that is no stamp.
 */
export function keptVersions(stamps: readonly string[], rules: RetentionRules): Set<string> {
  if (!removesAnything(rules)) return new Set(stamps);
  const newestFirst = stamps
    .filter((stamp) => instantOf(stamp) !== null)
    .toSorted()
    .toReversed();
  const kept = new Set(stamps.filter((stamp) => instantOf(stamp) === null));
  for (const stamp of newestFirst.slice(0, Math.max(1, rules.keepLast ?? 0))) kept.add(stamp);
  for (const [most, periodOf] of [
    [rules.keepDaily, dayOf],
    [rules.keepWeekly, weekOf],
    [rules.keepMonthly, monthOf],
  ] as const)
    for (const stamp of lastOfEach(newestFirst, periodOf).slice(0, most ?? 0)) kept.add(stamp);
  return kept;
}

function lastOfEach(newestFirst: readonly string[], periodOf: (stamp: string) => string): string[] {
  const last = new Map<string, string>();
  for (const stamp of newestFirst) {
    const period = periodOf(stamp);
    if (!last.has(period)) last.set(period, stamp);
  }
  return [...last.values()];
}

const dayOf = (stamp: string): string => stamp.slice(0, 8);
const monthOf = (stamp: string): string => stamp.slice(0, 6);

/** The Thursday of its week: weeks begin on Monday, and the year of a week is that of its Thursday. */
function weekOf(stamp: string): string {
  const instant = instantOf(stamp);
  if (!instant) return stamp;
  const sinceMonday = (instant.getUTCDay() + 6) % 7;
  return new Date(instant.getTime() + (3 - sinceMonday) * 86_400_000).toISOString().slice(0, 10);
}

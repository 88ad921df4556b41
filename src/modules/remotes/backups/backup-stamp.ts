/** A version of a backup: the moment its run began, UTC, to the second. Sorted as text they are sorted by time. */
export const BACKUP_STAMP = /^\d{8}T\d{6}Z$/;

export function stampOf(instant: Date): string {
  return `${instant.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** Null for what has the form and is no moment, such as the 31st of June. */
export function instantOf(stamp: string): Date | null {
  if (!BACKUP_STAMP.test(stamp)) return null;
  const iso = stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const instant = new Date(iso);
  return Number.isNaN(instant.getTime()) || stampOf(instant) !== stamp ? null : instant;
}

/** The first stamp that is neither before `instant` nor before or equal to `last`. */
export function stampAfter(instant: Date, last: string | null): string {
  const stamp = stampOf(instant);
  if (last === null || stamp > last) return stamp;
  const before = instantOf(last);
  return before ? stampOf(new Date(before.getTime() + 1000)) : stamp;
}

/** What can be seen of the schedulers and of the rules they look after. Seconds of the database's clock. */
export interface SchedulerState {
  /** Schedulers that have beaten lately. */
  readonly living: number;
  /** Since the latest beat of any scheduler; null when none has ever run. */
  readonly silentSeconds: number | null;
  /** How late the oldest due rule is; 0 when none is due. */
  readonly oldestSeconds: number;
  /** Rules later than `LATE_SECONDS`, counted up to `MOST_COUNTED`. */
  readonly overdue: number;
}

/** Schedules are late, or nobody looks after them, from here on. */
export const LATE_SECONDS = 60;
/** A trouble is over only when nothing is later than this: one on the border must not begin and end every minute. */
export const CAUGHT_UP_SECONDS = 30;
export const MOST_COUNTED = 1_000;

/** What is wrong and what to do, for the operator; null when all is well. `late` is where lateness begins. */
export function troubleOf(state: SchedulerState, late = LATE_SECONDS): string | null {
  const { silentSeconds, oldestSeconds, overdue } = state;
  const parts: string[] = [];
  if (oldestSeconds > late) {
    const count = overdue >= MOST_COUNTED ? `${MOST_COUNTED} or more` : `${overdue}`;
    const rules = overdue > 0 ? ` (${count} are later than ${LATE_SECONDS} s)` : '';
    parts.push(`the oldest due schedule is ${spoken(oldestSeconds)} late${rules}`);
  }
  if (silentSeconds === null)
    parts.push('no scheduler has ever run: start a process with the role scheduler or all');
  else if (silentSeconds > late)
    parts.push(
      `no scheduler has looked for ${spoken(silentSeconds)}: start a process with the role scheduler or all, or read the log of the one that runs`,
    );
  return parts.length === 0 ? null : parts.join('; ');
}

function spoken(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

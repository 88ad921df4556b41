/**
 * What was started lately under one rate: moments in milliseconds of the database's clock, oldest first, each with
 * how many. Moments that lie close together share an entry, which counts as of the latest of them, so a log stays
 * short whatever the rate and never lets through more than is allowed, at most a hundredth of the time later.
 */
export interface RateLog {
  readonly at: readonly number[];
  readonly jobs: readonly number[];
}

export interface Rate {
  readonly jobs: number;
  readonly perSeconds: number;
}

export const EMPTY_LOG: RateLog = { at: [], jobs: [] };

/** The window of a rate is cut into this many pieces, in each of which one entry at most begins. */
const PIECES = 100;

/** What still counts at `now`. A clock that was set back must not hold jobs longer than one window. */
export function recentOf({ at, jobs }: RateLog, { perSeconds }: Rate, now: number): RateLog {
  const since = now - perSeconds * 1000;
  const kept = at.flatMap((moment, index) =>
    moment > since ? [[Math.min(moment, now), jobs[index] ?? 0] as const] : [],
  );
  return { at: kept.map(([moment]) => moment), jobs: kept.map(([, count]) => count) };
}

/** How many may start now; `log` is recent. */
export const allowedBy = ({ jobs }: RateLog, rate: Rate): number =>
  Math.max(0, rate.jobs - jobs.reduce((sum, count) => sum + count, 0));

/** When the next one may start where none may now: when enough of the oldest have passed; null where one may. */
export function nextAt(log: RateLog, rate: Rate): number | null {
  let over = log.jobs.reduce((sum, count) => sum + count, 0) - rate.jobs;
  if (over < 0) return null;
  for (const [index, count] of log.jobs.entries()) {
    over -= count;
    if (over < 0) return (log.at[index] ?? 0) + rate.perSeconds * 1000;
  }
  return null;
}

/** `count` more, started at `now`. */
export function spend(log: RateLog, rate: Rate, now: number, count: number): RateLog {
  const pieceOf = (moment: number): number => Math.floor((moment * PIECES) / (rate.perSeconds * 1000));
  const last = log.at.at(-1);
  if (last === undefined || pieceOf(last) !== pieceOf(now))
    return { at: [...log.at, now], jobs: [...log.jobs, count] };
  return {
    at: [...log.at.slice(0, -1), now],
    jobs: [...log.jobs.slice(0, -1), (log.jobs.at(-1) ?? 0) + count],
  };
}

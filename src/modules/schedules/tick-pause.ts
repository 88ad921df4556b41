/** Ticks come by themselves this often. */
export const TICK_MS = 1_000;
/** Between two passes in which something was due: what comes in a stream is done a few at a time, not one by one. */
const SHORTEST_MS = 50;

/** When a rule is to be looked at. */
export interface NextDue {
  /** Epoch ms of the database's clock. */
  readonly at: number;
  /** Milliseconds until then; negative when it is late. */
  readonly wait: number;
}

/**
 * Milliseconds after which to look again before the next tick, null to leave it to that. `before` and `after` are what
 * `nextDue` answered around a pass.
 *
 * What is still due although this pass has looked is another process's, or held by somebody: looking at it again and
 * again would help nobody. But when the oldest one is another one now, there is a stream of them.
 */
export function pauseUntil(before: NextDue | null, after: NextDue | null): number | null {
  if (after === null || after.wait >= TICK_MS) return null;
  if (after.wait <= 0 && (before === null || after.at <= before.at)) return null;
  return Math.max(SHORTEST_MS, Math.ceil(after.wait));
}

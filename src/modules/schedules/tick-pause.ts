/** Ticks come by themselves this often. */
export const TICK_MS = 1_000;
/** Between two passes in which something was due: what comes in a stream is done a few at a time, not one by one. */
const SHORTEST_MS = 50;

/**
 * Milliseconds after which to look again before the next tick, null to leave it to that. `before` and `after` are what
 * `untilDue` answered around a pass: positive for what is ahead, negative for what is late.
 *
 * What is still late although this pass has looked is another process's, or held by somebody: looking at it again and
 * again would help nobody. But when the oldest one is another one now, there is a stream of them.
 */
export function pauseUntil(before: number | null, after: number | null): number | null {
  if (after === null || after >= TICK_MS) return null;
  if (after <= 0 && (before === null || after <= before)) return null;
  return Math.max(SHORTEST_MS, Math.ceil(after));
}

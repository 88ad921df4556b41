import { setTimeout as sleep } from 'node:timers/promises';

/** What one look may count for: while a busy machine lets this process stand still, what it waits for stands still, too. */
const MOST_PER_LOOK_MS = 1_000;

export interface UntilOptions {
  /** Milliseconds after which to give up; a minute unless told, which only what hangs should meet. */
  timeoutMs?: number;
  /** What was waited for, for the message of the failure. */
  describe: string | (() => string);
}

/**
 * Resolves with the first value of `condition` that is neither false, null nor undefined. Rejects when none came
 * in time, or with the error of the condition: a condition that throws is a failure, not "not yet".
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 60_000, describe }: UntilOptions,
): Promise<Exclude<T, false | null | undefined>> {
  let waited = 0;
  for (let last = performance.now(); ;) {
    const value = await condition();
    if (isThere(value)) return value;
    const now = performance.now();
    waited += Math.min(now - last, MOST_PER_LOOK_MS);
    last = now;
    if (waited >= timeoutMs) {
      const what = typeof describe === 'string' ? describe : describe();
      throw new Error(`not within ${timeoutMs} ms: ${what}`);
    }
    await sleep(20);
  }
}

function isThere<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined;
}

import { setTimeout as sleep } from 'node:timers/promises';

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
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (isThere(value)) return value;
    if (performance.now() >= deadline) {
      const what = typeof describe === 'string' ? describe : describe();
      throw new Error(`not within ${timeoutMs} ms: ${what}`);
    }
    await sleep(20);
  }
}

function isThere<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined;
}

/** How long to wait before attempt number `retry` (1 is the first repetition). */
export type Backoff =
  | { readonly kind: 'fixed'; readonly seconds: number }
  /** `seconds * 2^(retry-1)`, at most `maxSeconds`, each with full jitter so that failures do not return together. */
  | { readonly kind: 'exponential'; readonly seconds: number; readonly maxSeconds: number }
  /** Whatever the function says of the error; `describe` tells people what that is. */
  | {
      readonly kind: 'custom';
      readonly seconds: (retry: number, error: unknown) => number;
      readonly describe: string;
    };

/** The longest wait: a mistake in a function must not put a job off for ever. */
export const MAX_DELAY_SECONDS = 30 * 86_400;
/** Instead of what a function says that cannot be used. */
const INSTEAD = { kind: 'exponential', seconds: 5, maxSeconds: 3_600 } as const;

/**
 * Seconds until the next attempt; `random` in [0, 1). Full jitter never goes below a tenth of the ceiling. Never
 * throws: where a custom function does, or says no number of seconds, the usual back-off is taken and `warn` told.
 */
export function backoffSeconds(
  backoff: Backoff,
  retry: number,
  random: number,
  error?: unknown,
  warn: (problem: string) => void = () => undefined,
): number {
  if (backoff.kind === 'fixed') return backoff.seconds;
  if (backoff.kind === 'custom') {
    const told = toldBy(backoff.seconds, retry, error);
    if (typeof told === 'number') return told;
    warn(`The back-off of this job type ${told.problem}; the usual one is taken.`);
    return backoffSeconds(INSTEAD, retry, random);
  }
  const ceiling = Math.min(backoff.maxSeconds, backoff.seconds * 2 ** Math.min(Math.max(retry - 1, 0), 40));
  return ceiling * (0.1 + 0.9 * random);
}

/** The same for a pause that a handler asks for: nothing that is no number, lies in the past or never ends. */
export const pauseSeconds = (seconds: number): number =>
  Number.isNaN(seconds) ? INSTEAD.seconds : Math.min(Math.max(seconds, 0), MAX_DELAY_SECONDS);

function toldBy(
  seconds: (retry: number, error: unknown) => number,
  retry: number,
  error: unknown,
): number | { problem: string } {
  try {
    const told: unknown = seconds(retry, error);
    if (typeof told === 'number' && told >= 0 && told <= MAX_DELAY_SECONDS) return told;
    return { problem: `answered ${typeof told === 'number' ? told : 'no number'}` };
  } catch {
    return { problem: 'threw an error' };
  }
}

/** How long to wait before attempt number `retry` (1 is the first repetition). */
export type Backoff =
  | { readonly kind: 'fixed'; readonly seconds: number }
  /** `seconds * 2^(retry-1)`, at most `maxSeconds`, each with full jitter so that failures do not return together. */
  | { readonly kind: 'exponential'; readonly seconds: number; readonly maxSeconds: number };

/** Seconds until the next attempt; `random` in [0, 1). Full jitter never goes below a tenth of the ceiling. */
export function backoffSeconds(backoff: Backoff, retry: number, random: number): number {
  if (backoff.kind === 'fixed') return backoff.seconds;
  const ceiling = Math.min(backoff.maxSeconds, backoff.seconds * 2 ** Math.min(Math.max(retry - 1, 0), 40));
  return ceiling * (0.1 + 0.9 * random);
}

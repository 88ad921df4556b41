/**
 * Milliseconds to wait before the next try: doubles from `first` up to `longest`, half of it random, so that
 * processes which failed together do not return in step. `attempt` counts from 0.
 */
export function jitteredPause(attempt: number, first: number, longest: number): number {
  const full = Math.min(longest, first * 2 ** Math.min(attempt, 30));
  return Math.round(full / 2 + Math.random() * (full / 2));
}

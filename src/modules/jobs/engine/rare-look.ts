/** A look may take this part of the time. */
const SHARE = 1 / 20;

/** Between two looks at all jobs that are due: at least, and at most. */
export const DUE_LOOK_PAUSES_MS = [250, 10_000] as const;

/**
 * When to look at everything instead of from a floor on, or at every job in flight. Mostly that costs next to nothing;
 * but while an old snapshot keeps the index entries of what has gone, it steps over millions of them, and is taken the
 * less often the longer it lasts.
 */
export class RareLook {
  private next = -Infinity;

  /** Between the end of one look and the next: at least, and at most. */
  constructor(
    private readonly pauseMs: number,
    private readonly longestPauseMs = 60_000,
  ) {}

  due(now = performance.now()): boolean {
    return now >= this.next;
  }

  done(began: number, now = performance.now()): void {
    this.next = now + Math.min(this.longestPauseMs, Math.max(this.pauseMs, (now - began) / SHARE));
  }
}

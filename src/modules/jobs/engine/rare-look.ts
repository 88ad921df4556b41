/** A look may take this part of the time. */
const SHARE = 1 / 20;
const LONGEST_PAUSE_MS = 60_000;

/**
 * When to look at every job in flight. Mostly that costs next to nothing; but while an old snapshot keeps the index
 * entries of what has gone, it steps over millions of them, and is taken the less often the longer it lasts.
 */
export class RareLook {
  private next = -Infinity;

  constructor(private readonly pauseMs: number) {}

  due(now = performance.now()): boolean {
    return now >= this.next;
  }

  done(began: number, now = performance.now()): void {
    this.next = now + Math.min(LONGEST_PAUSE_MS, Math.max(this.pauseMs, (now - began) / SHARE));
  }
}

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** A full look may take this part of the time. */
const SHARE = 1 / 30;

/**
 * When to look at everything instead of from a floor on. Mostly a full look costs as little as any other and is
 * taken often; while an old snapshot keeps index entries of what has gone it may step over millions of them, and is
 * taken the less often the longer it lasts.
 */
export class FullLook {
  private next = -Infinity;

  due(now: number): boolean {
    return now >= this.next;
  }

  done(began: number, now: number): void {
    this.next = now + Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, (now - began) / SHARE));
  }
}

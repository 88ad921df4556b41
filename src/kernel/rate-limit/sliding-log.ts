/** What asking a limiter once came to. */
export interface Taken {
  readonly allowed: boolean;
  /** How many more are allowed just now. */
  readonly remaining: number;
  /** Milliseconds until the next one comes free: when refused, the time to wait. */
  readonly freeInMs: number;
}

/** Instants of one key in their order. Those before `first` have left the window. */
interface Log {
  stamps: number[];
  first: number;
}

/** Keys remembered at most; then those longest unused are forgotten. Reached only by an attack from many addresses. */
const MAX_KEYS = 100_000;

/**
 * A true sliding window in this process: in any `windowMs` each key is allowed `points`. Refused ones do not count,
 * so who keeps asking still gets its rate. Memory is what was allowed within one window: 8 bytes each.
 */
export class SlidingLog {
  /** Used since the last turn, and before it. Two maps, because a map whose first keys are deleted gets slow. */
  private recent = new Map<string, Log>();
  private older = new Map<string, Log>();
  private turnedAt = -Infinity;

  constructor(
    private readonly points: number,
    private readonly windowMs: number,
    private readonly now: () => number = () => performance.now(),
    private readonly maxKeys = MAX_KEYS,
  ) {}

  take(key: string): Taken {
    const now = this.now();
    this.turn(now);
    const log = this.touched(key);
    while (log.first < log.stamps.length && this.hasLeft(log.stamps[log.first], now)) log.first += 1;
    const used = log.stamps.length - log.first;
    const allowed = used < this.points;
    if (allowed) {
      // Only now and then, or each request would move the whole array.
      if (log.first >= this.points) {
        log.stamps = log.stamps.slice(log.first);
        log.first = 0;
      }
      log.stamps.push(now);
    }
    const oldest = log.stamps[log.first] ?? now;
    return {
      allowed,
      remaining: allowed ? this.points - used - 1 : 0,
      freeInMs: this.windowMs - (now - oldest),
    };
  }

  get size(): number {
    return this.recent.size + this.older.size;
  }

  /** After a turn of a window's length nothing in `older` was used within the window, so it can be dropped. */
  private turn(now: number): void {
    if (now - this.turnedAt < this.windowMs && this.recent.size < this.maxKeys / 2) return;
    this.older = this.recent;
    this.recent = new Map();
    this.turnedAt = now;
  }

  private touched(key: string): Log {
    const present = this.recent.get(key);
    if (present) return present;
    const log = this.older.get(key) ?? { stamps: [], first: 0 };
    this.older.delete(key);
    this.recent.set(key, log);
    return log;
  }

  private hasLeft(stamp: number | undefined, now: number): boolean {
    return stamp === undefined || stamp <= now - this.windowMs;
  }
}

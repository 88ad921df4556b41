/** How many items may wait for the flush that is under way; more are dropped, oldest first. */
const MAX_WAITING = 10_000;

/**
 * Gathers items and hands them on in batches: a flush starts as soon as the previous one has returned and at
 * least `intervalMs` after it began. What is added in one turn of the event loop goes out together; an item that
 * arrives while nothing is under way waits for nothing else. A flush that fails loses its batch.
 */
export class Coalescer<T> {
  private waiting: T[] = [];
  private running: Promise<void> | null = null;
  private skipPause: (() => void) | undefined;

  constructor(
    private readonly flush: (batch: readonly T[]) => Promise<void>,
    private readonly intervalMs: number,
    private readonly onError: (error: unknown, lost: number) => void,
  ) {}

  add(item: T): void {
    this.waiting.push(item);
    if (this.waiting.length > 2 * MAX_WAITING) this.waiting = this.waiting.slice(-MAX_WAITING);
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
  }

  /** Flushes what is waiting, without further pauses. */
  async drain(): Promise<void> {
    while (this.running) {
      this.skipPause?.();
      await Promise.race([this.running, nextTurn()]);
    }
  }

  private async run(): Promise<void> {
    await nextTurn();
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      const began = performance.now();
      try {
        await this.flush(batch);
      } catch (error) {
        this.onError(error, batch.length);
      }
      await this.pause(this.intervalMs - (performance.now() - began));
    }
  }

  private pause(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.skipPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.skipPause = end;
    });
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

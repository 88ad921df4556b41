interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets many callers share statements: a flush starts as soon as the previous one has returned and takes along
 * everything that arrived meanwhile. There is no timer, because a waiting window was measured to be slower and
 * later. A caller's promise settles with its own result after the shared statement has committed.
 *
 * A flush that fails fails all of its items: nothing of it was written.
 */
export class GroupCommit<T, R> {
  private waiting: Waiting<T, R>[] = [];
  private current: Promise<void> | null = null;

  /** `flush` answers one result per item, in the same order. */
  constructor(
    private readonly flush: (items: T[]) => Promise<R[]>,
    private readonly maxItems = 500,
  ) {}

  submit(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.current ??= this.drain();
    });
  }

  private async drain(): Promise<void> {
    // Callers of the same turn travel together.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, this.maxItems);
      this.waiting = this.waiting.slice(batch.length);
      try {
        const results = await this.flush(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => resolve(results[index] as R));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same turn as the check above: an item submitted later starts a drain of its own.
    this.current = null;
  }
}

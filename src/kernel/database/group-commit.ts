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
 * Nothing of a flush that fails was written. Its items are then flushed one by one, so that one that cannot be
 * stored fails alone and never takes the others along.
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
      if ((await this.write(batch)) === null) continue;
      for (const one of batch) {
        const refused = await this.write([one]);
        if (refused) one.reject(refused.error);
      }
    }
    // In the same turn as the check above: an item submitted later starts a drain of its own.
    this.current = null;
  }

  /** Null when it was written and its callers were answered. */
  private async write(batch: readonly Waiting<T, R>[]): Promise<{ error: unknown } | null> {
    try {
      const results = await this.flush(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index] as R));
      return null;
    } catch (error) {
      return { error };
    }
  }
}

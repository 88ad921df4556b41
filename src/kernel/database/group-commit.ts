import { isUnreachable } from './sql.js';

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitOptions {
  readonly maxItems?: number;
  /**
   * Another flush starts beside one under way as soon as this many items wait for it, and at most one. Fewer are
   * better off together with what arrives until the first has returned. Never, unless told.
   */
  readonly besideFrom?: number;
}

/**
 * Lets many callers share statements: a flush starts as soon as the previous one has returned and takes along
 * everything that arrived meanwhile. There is no timer, because a waiting window was measured to be slower and
 * later. A caller's promise settles with its own result after the shared statement has committed.
 *
 * Nothing of a flush that the server refuses was written. Its items are then flushed one by one, so that one that
 * cannot be stored fails alone and never takes the others along. When the server is out of reach all of them fail.
 */
export class GroupCommit<T, R> {
  private waiting: Waiting<T, R>[] = [];
  private flights = 0;
  private readonly maxItems: number;
  private readonly besideFrom: number;

  /** `flush` answers one result per item, in the same order. */
  constructor(
    private readonly flush: (items: T[]) => Promise<R[]>,
    { maxItems = 500, besideFrom = Infinity }: GroupCommitOptions = {},
  ) {
    this.maxItems = maxItems;
    this.besideFrom = besideFrom;
  }

  submit(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.mayStart()) void this.drain();
    });
  }

  private mayStart(): boolean {
    return this.flights === 0 || (this.flights === 1 && this.waiting.length >= this.besideFrom);
  }

  private async drain(): Promise<void> {
    this.flights++;
    // What the same turn of the event loop brings, such as the answers of one read from a socket, travels together.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      const batch = this.waiting.slice(0, this.maxItems);
      this.waiting = this.waiting.slice(batch.length);
      if (batch.length > 0) await this.write(batch);
      this.flights--;
      // In the same turn as the check: an item submitted later starts a drain of its own.
      if (this.waiting.length === 0 || !this.mayStart()) return;
      this.flights++;
    }
  }

  private async write(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await this.flush(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index] as R));
    } catch (error) {
      if (batch.length === 1 || isUnreachable(error)) for (const { reject } of batch) reject(error);
      else for (const one of batch) await this.write([one]);
    }
  }
}

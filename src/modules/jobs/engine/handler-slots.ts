/** Handlers that take less than this on average are quick, until they take more than `SLOW_MS`. */
const QUICK_MS = 10;
const SLOW_MS = 50;
/** How much one handler moves the average. */
const WEIGHT = 1 / 16;

interface Waiting {
  readonly since: number;
  readonly answer: (taken: boolean) => void;
}

/**
 * How many handlers of one queue run at the same time in this process, first come, first served. A job is claimed
 * only when it has a slot, so that no lease is held for work that does not run.
 *
 * While handlers are quick, hints may be fetched ahead of their slots, which hides the queue's round trip; `onPace`
 * says so. Slow work stays in the queue, where other processes find it.
 */
export class HandlerSlots {
  private readonly waiting: Waiting[] = [];
  private average = 2 * SLOW_MS;
  private quick = false;
  private closed = false;

  constructor(
    private free: number,
    private readonly onPace: (quick: boolean) => void,
  ) {}

  /** At once, or false. Nobody who waits is overtaken. */
  tryTake(): boolean {
    if (this.closed || this.free === 0 || this.waiting.length > 0) return false;
    this.free--;
    return true;
  }

  /** False: it waited in vain, until `dismiss` or `close`. */
  take(): Promise<boolean> {
    if (this.tryTake()) return Promise.resolve(true);
    if (this.closed) return Promise.resolve(false);
    return new Promise((answer) => this.waiting.push({ since: performance.now(), answer }));
  }

  /** The handler has ended after so many milliseconds; null: there was nothing to run. */
  give(lasted: number | null): void {
    if (lasted !== null) this.learn(lasted);
    const next = this.waiting.shift();
    if (next) next.answer(true);
    else this.free++;
  }

  /** Sends away who has waited longer than this. */
  dismiss(milliseconds: number): void {
    const before = performance.now() - milliseconds;
    const first = this.waiting.findIndex(({ since }) => since > before);
    const gone = this.waiting.splice(0, first === -1 ? this.waiting.length : first);
    if (gone.length === 0) return;
    this.learn(Infinity);
    for (const { answer } of gone) answer(false);
  }

  /** Nobody begins any more. */
  close(): void {
    this.closed = true;
    for (const { answer } of this.waiting.splice(0)) answer(false);
  }

  private learn(lasted: number): void {
    this.average += WEIGHT * (Math.min(lasted, 100 * SLOW_MS) - this.average);
    const quick = this.average < (this.quick ? SLOW_MS : QUICK_MS);
    if (quick === this.quick) return;
    this.quick = quick;
    this.onPace(quick);
  }
}

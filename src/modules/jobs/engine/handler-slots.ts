import { Places } from './places.js';

/** Handlers that take less than this on average are quick, until they take more than `SLOW_MS`. */
const QUICK_MS = 10;
const SLOW_MS = 50;
/** How much one handler moves the average. */
const WEIGHT = 1 / 16;
/** Jobs claimed for each one whose handler may run, where handlers are quick. */
const CLAIM_AHEAD = 4;

/**
 * How many jobs of one queue this process claims, and how many of their handlers run at the same time. Claims are as
 * many as handlers, so that no lease is held for work that does not run, and slow work stays in the queue, where
 * other processes find it.
 *
 * While handlers are quick, hints are fetched and jobs claimed ahead: the round trips to the queue and the database
 * then pass beside the work and not between. What was claimed and finds no place for its handler, because work turned
 * slow meanwhile, goes back after a while.
 */
export class HandlerSlots {
  private readonly claims: Places;
  private readonly handlers: Places;
  private average = 2 * SLOW_MS;
  private quick = false;

  constructor(
    private readonly concurrency: number,
    private readonly onPace: (quick: boolean) => void,
  ) {
    this.claims = new Places(concurrency);
    this.handlers = new Places(concurrency);
  }

  /** For a claim: at once, or false. */
  tryTake(): boolean {
    return this.claims.tryTake();
  }

  /** For a claim. False: it waited in vain, until `dismiss` or `close`. */
  take(): Promise<boolean> {
    return this.claims.take();
  }

  /** The claimed job has run, or there was nothing to claim. */
  give(): void {
    this.claims.give();
  }

  /** Runs the handler of a claimed job; null when there was no place for it. */
  async run<T>(handler: () => Promise<T>): Promise<{ readonly outcome: T; readonly lasted: number } | null> {
    if (!this.handlers.tryTake() && !(await this.handlers.take())) return null;
    const began = performance.now();
    try {
      const outcome = await handler();
      return { outcome, lasted: performance.now() - began };
    } finally {
      this.learn(performance.now() - began);
      this.handlers.give();
    }
  }

  /** Sends away who has waited longer than this. */
  dismiss(milliseconds: number): void {
    if (this.claims.dismiss(milliseconds) + this.handlers.dismiss(milliseconds) > 0) this.learn(Infinity);
  }

  /** Nobody begins any more. */
  close(): void {
    this.claims.close();
    this.handlers.close();
  }

  private learn(lasted: number): void {
    this.average += WEIGHT * (Math.min(lasted, 100 * SLOW_MS) - this.average);
    const quick = this.average < (this.quick ? SLOW_MS : QUICK_MS);
    if (quick === this.quick) return;
    this.quick = quick;
    this.claims.resize(quick ? CLAIM_AHEAD * this.concurrency : this.concurrency);
    this.onPace(quick);
  }
}

import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { WindowBudget } from './window-budget.js';

/** The first wait; each further one is twice as long, up to the longest. */
const FIRST_WAIT_SECONDS = 60;
const LONGEST_WAIT_SECONDS = 900;

/** The counters behind it, all by the same key. */
export interface GrowingCounters {
  /** What is free within a window. */
  readonly free: WindowBudget;
  /** Shut while somebody has to wait: one point that comes back after the wait. */
  readonly gate: RateLimiterAbstract;
  /** How many waits there were of late. */
  readonly waits: RateLimiterAbstract;
}

export interface Try {
  readonly allowed: boolean;
  /** After it nobody may try for a while: unless it is given back, somebody is guessing. */
  readonly isLast: boolean;
  /** When refused: how long to wait. */
  readonly freeInMs: number;
  /** Undoes it, and the wait it began: it was no guess. */
  giveBack(): Promise<void>;
}

/**
 * So many wrong tries within a window, then one after a wait of 1 minute, one after 2, 4, 8 and then 15 minutes. As
 * with every budget here a try is taken before the work and given back when it was right.
 */
export class GrowingBudget {
  constructor(private readonly counters: GrowingCounters) {}

  async take(key: string): Promise<Try> {
    const { free, gate, waits } = this.counters;
    const shut = await gate.get(key);
    if (shut !== null && shut.consumedPoints > 0 && shut.msBeforeNext > 0) return refused(shut.msBeforeNext);
    const { allowed, remaining } = await free.take(key);
    if (allowed && remaining > 0) return granted(false, () => free.giveBack(key));
    const waited = (await waits.get(key))?.consumedPoints ?? 0;
    // Of several at the same moment the one that took the last free try begins the first wait, not one behind it.
    if (!allowed && waited <= 0) return refused(FIRST_WAIT_SECONDS * 1000);
    const seconds = Math.min(FIRST_WAIT_SECONDS * 2 ** Math.max(waited, 0), LONGEST_WAIT_SECONDS);
    const taken = await only(gate, key, seconds);
    if (!allowed && taken !== null) return refused(taken);
    await waits.penalty(key);
    return granted(true, async () => {
      await Promise.all([gate.delete(key), waits.reward(key), ...(allowed ? [free.giveBack(key)] : [])]);
    });
  }
}

/** Null for the one who shuts the gate; the others learn how long it stays shut. */
async function only(gate: RateLimiterAbstract, key: string, seconds: number): Promise<number | null> {
  try {
    await gate.consume(key, 1, { customDuration: seconds });
    return null;
  } catch (error) {
    if (error instanceof RateLimiterRes) return error.msBeforeNext;
    throw error;
  }
}

const granted = (isLast: boolean, giveBack: () => Promise<void>): Try => ({
  allowed: true,
  isLast,
  freeInMs: 0,
  giveBack,
});

const refused = (freeInMs: number): Try => ({
  allowed: false,
  isLast: false,
  freeInMs,
  giveBack: () => Promise.resolve(),
});

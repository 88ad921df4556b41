import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { Taken } from './sliding-log.js';

/**
 * So many within a window that begins with the first one (S1-38). Take before the work, so that of a hundred at the
 * same moment no more than the limit begin it, and give back what turned out to be harmless.
 */
export class WindowBudget {
  constructor(private readonly limiter: RateLimiterAbstract) {}

  async take(key: string): Promise<Taken> {
    try {
      const { remainingPoints, msBeforeNext } = await this.limiter.consume(key);
      return { allowed: true, remaining: remainingPoints, freeInMs: msBeforeNext };
    } catch (error) {
      if (error instanceof RateLimiterRes)
        return { allowed: false, remaining: 0, freeInMs: error.msBeforeNext };
      throw error;
    }
  }

  async giveBack(key: string): Promise<void> {
    await this.limiter.reward(key);
  }
}

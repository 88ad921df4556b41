import { Injectable, Optional } from '@nestjs/common';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RLWrapperTimeouts,
} from 'rate-limiter-flexible';
import { Installation } from '../database/index.js';
import { type Redis, RedisConnections } from '../redis/index.js';
import { GrowingBudget } from './growing-budget.js';
import { SlidingLimiter } from './sliding-limiter.js';
import { WindowBudget } from './window-budget.js';

/** How long Redis may take to count; then this process counts for itself. */
const ANSWER_MS = 250;
/** For how long the waits of a growing budget are remembered, so that they grow from one window to the next. */
const WAITS_SECONDS = 3_600;

/**
 * Makes limiters whose keys begin with this installation's name: on Redis where it is configured, then shared by all
 * processes, otherwise in this process. While Redis is away this process counts for itself. Call it from
 * `onModuleInit` on: it may open a connection.
 */
@Injectable()
export class Limiters {
  private readonly connections: RedisConnections | null;
  /** Two, because the library names its counting script on the connection, and the sliding window has another one. */
  private sliders: Redis | undefined;
  private counters: Redis | undefined;

  constructor(
    private readonly installation: Installation,
    @Optional() connections?: RedisConnections,
  ) {
    this.connections = connections ?? null;
  }

  /** `points` within any `seconds`. */
  sliding(prefix: string, points: number, seconds: number): SlidingLimiter {
    const redis = this.connections && (this.sliders ??= this.connections.open('producer'));
    return new SlidingLimiter({ prefix: this.named(prefix), points, seconds }, redis);
  }

  /** `points` within `seconds` from the first one on. */
  window(prefix: string, points: number, seconds: number): WindowBudget {
    return new WindowBudget(this.counter(prefix, points, seconds));
  }

  /** `points` within `seconds` from the first one on, then one after each of ever longer waits. */
  growing(prefix: string, points: number, seconds: number): GrowingBudget {
    return new GrowingBudget({
      free: this.window(prefix, points, seconds),
      gate: this.counter(`${prefix}:wait`, 1, seconds),
      waits: this.counter(`${prefix}:waits`, Number.MAX_SAFE_INTEGER, WAITS_SECONDS),
    });
  }

  private counter(prefix: string, points: number, duration: number): RateLimiterAbstract {
    const options = { keyPrefix: this.named(prefix), points, duration };
    const inProcess = new RateLimiterMemory(options);
    if (this.connections === null) return inProcess;
    const storeClient = (this.counters ??= this.connections.open('producer'));
    return new RLWrapperTimeouts({
      limiter: new RateLimiterRedis({
        ...options,
        storeClient,
        rejectIfRedisNotReady: true,
        insuranceLimiter: inProcess,
      }),
      timeoutMs: ANSWER_MS,
    });
  }

  private named(prefix: string): string {
    return `${this.installation.name}:${prefix}`;
  }
}

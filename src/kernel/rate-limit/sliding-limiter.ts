import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Redis } from '../redis/index.js';
import { within } from '../time/index.js';
import { SlidingLog, type Taken } from './sliding-log.js';

/** An answer of Redis that takes longer is not waited for: a limit must never be what makes Steward slow. */
const ANSWER_MS = 250;
/** After a failure Redis is left alone for this long. */
const PAUSE_MS = 1_000;

/**
 * The window of S1-37 as the library's counting script: a sorted set of what was allowed, by time in microseconds.
 * The library counts in windows that begin with the first request, which lets twice the limit pass around an edge.
 * ARGV: points, seconds of the window, limit. Answers how many are used with this one, and when the next comes free.
 */
const SLIDING_WINDOW = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, limit = ARGV[2] * 1000000, tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
local used = redis.call('ZCARD', KEYS[1])
if used < limit then
  local member = string.format('%.0f', now)
  while redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now), member) == 0 do member = member .. '+' end
  redis.call('PEXPIRE', KEYS[1], ARGV[2] * 1000)
end
local freed = redis.call('ZRANGE', KEYS[1], math.max(used - limit, 0), math.max(used - limit, 0), 'WITHSCORES')[2]
return { used + 1, math.ceil((freed + window - now) / 1000) }
`;

export interface SlidingOptions {
  readonly prefix: string;
  readonly points: number;
  readonly seconds: number;
}

/**
 * So many within any `seconds`, for each key: shared by all processes where there is Redis, otherwise each process
 * counts for itself. While Redis is away each process counts for itself, too: never an error, never unlimited.
 */
export class SlidingLimiter {
  private readonly local: SlidingLog;
  private readonly shared: RateLimiterRedis | null;
  private redisPausedUntil = 0;

  constructor({ prefix, points, seconds }: SlidingOptions, redis: Redis | null) {
    this.local = new SlidingLog(points, seconds * 1000);
    this.shared =
      redis &&
      new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: prefix,
        points,
        duration: seconds,
        rejectIfRedisNotReady: true,
        customIncrTtlLuaScript: SLIDING_WINDOW,
        // Who is over the limit is refused from memory until a request comes free: a flood does not reach Redis.
        inMemoryBlockOnConsumed: points + 1,
      });
  }

  take(key: string): Taken | Promise<Taken> {
    if (this.shared === null || performance.now() < this.redisPausedUntil) return this.local.take(key);
    return this.takeShared(this.shared, key);
  }

  private async takeShared(shared: RateLimiterRedis, key: string): Promise<Taken> {
    try {
      const taken = await within(shared.consume(key), ANSWER_MS, () => new Error('Redis did not answer'));
      return { allowed: true, remaining: taken.remainingPoints, freeInMs: taken.msBeforeNext };
    } catch (error) {
      if (error instanceof RateLimiterRes)
        return { allowed: false, remaining: 0, freeInMs: error.msBeforeNext };
      // The connection itself logs that it is lost.
      this.redisPausedUntil = performance.now() + PAUSE_MS;
      return this.local.take(key);
    }
  }
}

import type { RedisOptions } from 'ioredis';
import { jitteredPause } from '../time/index.js';

/**
 * What a connection is for. `producer`: somebody waits for the answer, so commands fail within seconds while
 * Redis is away. `pubsub`: listens and reconnects for ever. `worker`: waits for ever, as BullMQ's blocking
 * commands need.
 *
 * `socketTimeout`: so long without a byte while an answer is due means that the other end is gone without a word. The
 * connection is then made anew; without it every further command would be written into nothing, for ever.
 */
export type RedisProfile = 'producer' | 'pubsub' | 'worker';

const PROFILES: Readonly<Record<RedisProfile, RedisOptions>> = {
  producer: { maxRetriesPerRequest: 2, commandTimeout: 2_000, socketTimeout: 4_000 },
  // Subscriptions are renewed by the subscriber itself, which must know when they are in force again.
  pubsub: { maxRetriesPerRequest: null, commandTimeout: 5_000, autoResubscribe: false },
  // BullMQ's longest command blocks for 5 s, or 10 s where messages are delayed.
  worker: { maxRetriesPerRequest: null, socketTimeout: 13_000 },
};

export function redisOptions(profile: RedisProfile): RedisOptions {
  return {
    connectionName: `steward-${profile}`,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => jitteredPause(attempt - 1, 50, 2_000),
    ...PROFILES[profile],
  };
}

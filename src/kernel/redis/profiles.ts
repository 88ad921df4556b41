import type { RedisOptions } from 'ioredis';
import { jitteredPause } from '../time/index.js';

/**
 * What a connection is for. `producer`: somebody waits for the answer, so commands fail within seconds while
 * Redis is away. `pubsub`: listens and reconnects for ever. `worker`: waits for ever, as BullMQ's blocking
 * commands need.
 */
export type RedisProfile = 'producer' | 'pubsub' | 'worker';

const PROFILES: Readonly<Record<RedisProfile, RedisOptions>> = {
  producer: { maxRetriesPerRequest: 2, commandTimeout: 2_000 },
  // Subscriptions are renewed by the subscriber itself, which must know when they are in force again.
  pubsub: { maxRetriesPerRequest: null, commandTimeout: 5_000, autoResubscribe: false },
  worker: { maxRetriesPerRequest: null },
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

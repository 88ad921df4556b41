export type { Redis } from 'ioredis';
export { RedisUnusableError, assertRedisUsable } from './assert-usable.js';
export { type PublishedEntry, PublishedKeys, type PublishedPlace } from './published-keys.js';
export { type RedisProfile, redisOptions } from './profiles.js';
export { RedisConnections } from './redis-connections.js';
export { redisAddress } from './redis-address.js';
export { RedisModule } from './redis.module.js';

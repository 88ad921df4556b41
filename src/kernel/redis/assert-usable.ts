import { Redis } from 'ioredis';
import { within } from '../time/index.js';
import { redisAddress } from './redis-address.js';
import { reasonOf } from './redis-connections.js';

const BOOT_LIMIT_MS = 5_000;

/** Redis cannot be used as it is; the message tells the operator what to change and holds no password. */
export class RedisUnusableError extends Error {
  constructor(
    message: string,
    /** It does not answer, and may do so in a moment; anything else has to be mended by somebody. */
    readonly away = false,
  ) {
    super(message);
  }
}

/**
 * Resolves when Redis answers within 5 s and keeps every key (`maxmemory-policy noeviction`); with another policy
 * a full Redis would silently drop queue messages. Where a managed Redis does not tell its policy, `warn` is
 * called and it is taken on trust. Throws `RedisUnusableError`.
 */
export async function assertRedisUsable(
  url: string,
  warn: (message: string) => void = () => undefined,
): Promise<void> {
  const address = redisAddress(url);
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: BOOT_LIMIT_MS,
    commandTimeout: BOOT_LIMIT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let reason: unknown;
  redis.on('error', (error) => (reason ??= error));
  try {
    const policy = await within(
      policyOf(redis),
      BOOT_LIMIT_MS,
      () => new Error(`no answer within ${BOOT_LIMIT_MS} ms`),
    );
    if (policy === null)
      warn(
        `Redis at ${address} does not tell its maxmemory-policy; make sure that it is noeviction, or queued work can be lost.`,
      );
    else if (policy !== 'noeviction') throw new RedisUnusableError(evictionAdvice(address, policy));
  } catch (error) {
    if (error instanceof RedisUnusableError) throw error;
    throw new RedisUnusableError(
      `Redis at ${address} cannot be used: ${reasonOf(reason ?? error)}. Check REDIS_URL and that the server is running, or remove REDIS_URL to let PostgreSQL do its work.`,
      true,
    );
  } finally {
    redis.disconnect();
  }
}

/** Null when this user may not ask. */
async function policyOf(redis: Redis): Promise<string | null> {
  await redis.connect();
  await redis.ping();
  const memory = await redis.info('memory').catch((error: unknown) => {
    if (/NOPERM|unknown command/i.test(reasonOf(error))) return '';
    throw error;
  });
  return /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? null;
}

function evictionAdvice(address: string, policy: string): string {
  return (
    `Redis at ${address} has maxmemory-policy ${policy}, which drops keys when memory is full, and with them queued work. ` +
    'Steward needs noeviction: run `redis-cli config set maxmemory-policy noeviction` ' +
    'and put `maxmemory-policy noeviction` into redis.conf.'
  );
}

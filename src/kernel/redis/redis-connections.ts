import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Log } from '../log/index.js';
import { redisAddress } from './redis-address.js';
import { redisOptions, type RedisProfile } from './profiles.js';

/**
 * Opens the connections to the configured Redis. Each one reconnects by itself, has its errors listened to (an
 * unheard `error` event would end the process) and is closed at shutdown unless its owner closed it before.
 */
@Injectable()
export class RedisConnections implements OnApplicationShutdown {
  /** `host:port`, without the password. */
  readonly address: string;
  private readonly opened = new Set<Redis>();
  private readonly log: Log;

  constructor(
    readonly url: string,
    log: Log,
  ) {
    this.address = redisAddress(url);
    this.log = log.area('redis');
  }

  open(profile: RedisProfile): Redis {
    const redis = new Redis(this.url, redisOptions(profile));
    this.opened.add(redis);
    this.reportOutages(redis, profile);
    redis.on('end', () => this.opened.delete(redis));
    return redis;
  }

  onApplicationShutdown(): void {
    for (const redis of this.opened) redis.disconnect();
  }

  /**
   * One line when the connection is lost and one when it is back. Only the text of an error is logged: the error
   * object of a refused login carries the command with the password in it.
   */
  private reportOutages(redis: Redis, profile: RedisProfile): void {
    let lost = false;
    redis.on('error', (error: Error) => {
      if (lost) return;
      lost = true;
      this.log.warn({ profile, address: this.address, reason: reasonOf(error) }, 'Redis is out of reach');
    });
    redis.on('ready', () => {
      if (lost) this.log.info({ profile, address: this.address }, 'Redis is back');
      lost = false;
    });
  }
}

/** An `AggregateError` (both addresses of localhost refused) has an empty message of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

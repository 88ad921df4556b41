import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Log } from '../log/index.js';
import type { Redis } from 'ioredis';
import { RedisConnections, reasonOf } from './redis-connections.js';

export interface PublishedPlace {
  readonly key: string;
  /** The set that lists the keys of one owner. */
  readonly index: { readonly key: string; readonly member: string };
}

export interface PublishedEntry extends PublishedPlace {
  readonly value: object;
  readonly ttlSeconds: number;
  /** Life of the set from now on: at least that of its longest entry. */
  readonly indexTtlSeconds: number;
}

/**
 * Keys in Redis that other programs may read; nothing here ever does, so they decide nothing. Best effort: neither
 * method waits, none throws, and what Redis does not take is dropped. Removals that were not taken are made up for
 * when Redis is back, as long as this process lives; beyond that only the life of the key ends it.
 *
 * All keys begin with the installation's name. Injected as optional: without Redis there is none.
 */
export abstract class PublishedKeys {
  /** Does nothing for what was removed in the last minute: a slow writer would bring it back. */
  abstract put(entry: PublishedEntry): void;
  abstract remove(places: readonly PublishedPlace[]): void;
}

const REMOVED_SECONDS = 60;
/** Commands that may wait for their answer, and removals that may wait for Redis. */
const MAX_WAITING = 10_000;

const PUT = `
if redis.call('exists', KEYS[3]) == 1 then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('sadd', KEYS[2], ARGV[3])
if redis.call('ttl', KEYS[2]) < tonumber(ARGV[4]) then redis.call('expire', KEYS[2], ARGV[4]) end
return 1`;

const REMOVE = `
redis.call('set', KEYS[3], '', 'EX', ARGV[2])
redis.call('srem', KEYS[2], ARGV[1])
return redis.call('del', KEYS[1])`;

@Injectable()
export class RedisPublishedKeys extends PublishedKeys implements OnModuleInit {
  private redis: Redis | undefined;
  private waiting = 0;
  private readonly unremoved = new Map<string, PublishedPlace>();
  private readonly log: Log;

  constructor(
    private readonly connections: RedisConnections,
    private readonly prefix: string,
    log: Log,
  ) {
    super();
    this.log = log.area('redis');
  }

  onModuleInit(): void {
    this.redis = this.connections.open('producer');
    this.redis.on('ready', () => this.makeUp());
  }

  put({ value, ttlSeconds, indexTtlSeconds, ...place }: PublishedEntry): void {
    const life = Math.floor(ttlSeconds);
    if (life < 1) return;
    void this.run(PUT, place, [JSON.stringify(value), life, place.index.member, indexTtlSeconds]);
  }

  remove(places: readonly PublishedPlace[]): void {
    for (const place of places) void this.removeOne(place);
  }

  private async removeOne(place: PublishedPlace): Promise<void> {
    const taken = await this.run(REMOVE, place, [place.index.member, REMOVED_SECONDS]);
    if (!taken && this.unremoved.size < MAX_WAITING) this.unremoved.set(place.key, place);
  }

  /** Whether Redis has taken it. */
  private async run(
    script: string,
    { key, index }: PublishedPlace,
    values: (string | number)[],
  ): Promise<boolean> {
    // Waiting for a connection would keep commands in memory for as long as Redis is away.
    if (this.redis?.status !== 'ready' || this.waiting >= MAX_WAITING) return false;
    this.waiting += 1;
    try {
      const keys = [key, index.key, `${key}:removed`].map((one) => `${this.prefix}:${one}`);
      await this.redis.eval(script, keys.length, ...keys, ...values);
      return true;
    } catch (error) {
      this.log.debug({ reason: reasonOf(error) }, 'a published key was not written');
      return false;
    } finally {
      this.waiting -= 1;
    }
  }

  private makeUp(): void {
    const places = [...this.unremoved.values()];
    this.unremoved.clear();
    this.remove(places);
  }
}

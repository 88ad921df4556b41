import { Injectable, Optional } from '@nestjs/common';
import { Installation } from '../database/index.js';
import { RedisConnections, type Redis } from '../redis/index.js';

/**
 * Tells whether the store behind the queues has lost everything. In Redis lies a mark with the database's time at
 * which it was made: what was dispatched before that time cannot have a hint, because the store was empty then.
 * Redis restarted without its data, flushed, or exchanged for another one has no mark, and is given a new one. Losing
 * only a part, such as the last second before a crash, does not show here.
 *
 * PostgreSQL loses no hints without losing the jobs.
 */
@Injectable()
export class HintStore {
  private readonly key: string;
  private redis: Redis | undefined;

  constructor(
    { name }: Installation,
    @Optional() private readonly connections?: RedisConnections,
  ) {
    this.key = `${name}:hints-since`;
  }

  /**
   * Since when the store holds what is put into it; null where nothing gets lost. `now` is the database's clock, and
   * is asked only after the store was seen empty: an earlier time would leave out hints that were lost just now.
   * Rejects while Redis does not answer or takes no writes.
   */
  async holdsSince(now: () => Promise<Date>): Promise<Date | null> {
    if (!this.connections) return null;
    const redis = (this.redis ??= this.connections.open('producer'));
    const known = await redis.get(this.key);
    if (known !== null) return new Date(Number(known));
    const made = String((await now()).getTime());
    await redis.set(this.key, made, 'NX'); // somebody else may have been faster
    return new Date(Number((await redis.get(this.key)) ?? made));
  }
}

import { Injectable } from '@nestjs/common';
import { IdempotencyRepository } from './idempotency.repository.js';
import type { Tx } from '../database/index.js';
import { UserError } from './errors.js';
import type { OnceRequest } from './once.js';

/**
 * Idempotency-Key: the first answer is stored in the transaction of its effect, so either both exist or neither.
 * The same key and body replays the answer, another body is 422. A second request that arrives while the first
 * is under way waits for its transaction and then replays it. Keys are kept for 24 hours.
 */
@Injectable()
export class Idempotency {
  constructor(private readonly keys: IdempotencyRepository) {}

  async once<T extends object>(
    tx: Tx,
    userId: string,
    request: OnceRequest | null,
    work: () => Promise<T>,
  ): Promise<T> {
    if (!request) return work();
    if (await this.keys.claim(tx, userId, request)) {
      const answer = await work();
      await this.keys.store(tx, userId, request, answer);
      return answer;
    }
    const first = await this.keys.find(tx, userId, request);
    if (!first?.bodyHash.equals(request.bodyHash))
      throw new UserError(422, 'idempotency_key_reused', 'This Idempotency-Key was used with another body.');
    request.replayed();
    return first.response as T;
  }

  /** For a person who is erased: the stored answers hold what they asked for. */
  async forget(tx: Tx, userId: string): Promise<void> {
    await this.keys.removeOf(tx, userId);
  }
}

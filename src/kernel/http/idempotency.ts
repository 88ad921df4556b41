import { Injectable } from '@nestjs/common';
import { createHmac, type KeyObject } from 'node:crypto';
import { Keyring } from '../crypto/index.js';
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
  /** Bodies hold passwords: their plain hash in the database would let whoever reads it try them at full speed. */
  private readonly bodyKey: KeyObject;

  constructor(
    private readonly keys: IdempotencyRepository,
    keyring: Keyring,
  ) {
    this.bodyKey = keyring.derive('idempotent request bodies');
  }

  async once<T extends object>(
    tx: Tx,
    userId: string,
    request: OnceRequest | null,
    work: () => Promise<T>,
  ): Promise<T> {
    if (!request) return work();
    const { key, route } = request;
    const bodyHash = createHmac('sha256', this.bodyKey).update(request.bodyHash).digest();
    if (await this.keys.claim(tx, userId, { key, route, bodyHash })) {
      const answer = await work();
      await this.keys.store(tx, userId, request, answer);
      return answer;
    }
    const first = await this.keys.find(tx, userId, request);
    if (!first?.bodyHash.equals(bodyHash))
      throw new UserError(422, 'idempotency_key_reused', 'This Idempotency-Key was used with another body.');
    request.replayed();
    return first.response as T;
  }

  /** Removes stored answers that show what has this id, for whoever may no longer be shown. */
  async forgetAnswersWith(tx: Tx, id: string): Promise<void> {
    await this.keys.removeAnswersWith(tx, id);
  }

  /** For a person who is erased: the stored answers hold what they asked for. */
  async forgetOf(tx: Tx, userId: string): Promise<void> {
    await this.keys.removeOf(tx, userId);
  }
}

import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Read, type Tx } from '../database/index.js';

interface Key {
  readonly key: string;
  readonly route: string;
  readonly bodyHash: Buffer;
}

@Injectable()
export class IdempotencyRepository {
  /** True: the key is new, or its 24 hours are over. Waits for a transaction that is using it just now. */
  async claim(tx: Tx, userId: string, { key, route, bodyHash }: Key): Promise<boolean> {
    const claimed = await execute(
      tx,
      `insert into idempotency_keys (user_id, route, key, body_hash, response) values ($1, $2, $3, $4, 'null')
       on conflict (user_id, route, key) do update set body_hash = excluded.body_hash, response = 'null', created_at = now()
        where idempotency_keys.created_at < now() - interval '24 hours'`,
      [userId, route, key, bodyHash],
    );
    return claimed === 1;
  }

  async store(tx: Tx, userId: string, { key, route }: Key, response: object): Promise<void> {
    await execute(
      tx,
      `update idempotency_keys set response = $4 where user_id = $1 and route = $2 and key = $3`,
      [userId, route, key, JSON.stringify(response)],
    );
  }

  async find(
    read: Read,
    userId: string,
    { key, route }: Key,
  ): Promise<{ bodyHash: Buffer; response: unknown } | null> {
    return queryOne(
      read,
      `select body_hash as "bodyHash", response from idempotency_keys where user_id = $1 and route = $2 and key = $3`,
      [userId, route, key],
    );
  }

  /** Reads all keys of a day: for what happens rarely. */
  async removeAnswersWith(tx: Tx, id: string): Promise<void> {
    await execute(tx, `delete from idempotency_keys where response->>'id' = $1`, [id]);
  }

  async removeOf(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from idempotency_keys where user_id = $1`, [userId]);
  }

  async removeExpired(read: Read): Promise<number> {
    return execute(read, `delete from idempotency_keys where created_at < now() - interval '24 hours'`);
  }
}

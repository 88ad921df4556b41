import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';

/** Rows of `seen_devices`: a kind of device of a user, as a keyed hash. */
@Injectable()
export class SeenDevicesRepository {
  /** Whether it is the first time for this account, and whether any device was seen before. */
  async note(tx: Tx, userId: string, hash: Buffer): Promise<{ isNew: boolean; isFirst: boolean }> {
    const row = await queryOne<{ isNew: boolean; isFirst: boolean }>(
      tx,
      `with others as (select exists (select from seen_devices where user_id = $1) as seen)
       insert into seen_devices (user_id, device_hash) values ($1, $2)
       on conflict (user_id, device_hash) do update set last_seen_at = now()
       returning (xmax = 0) as "isNew", not (select seen from others) as "isFirst"`,
      [userId, hash],
    );
    return row ?? { isNew: false, isFirst: false };
  }

  async allOf(read: Read, userId: string): Promise<{ created_at: Date; last_seen_at: Date }[]> {
    return query(
      read,
      `select created_at, last_seen_at from seen_devices where user_id = $1 order by created_at`,
      [userId],
    );
  }

  async removeAllOf(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from seen_devices where user_id = $1`, [userId]);
  }

  async removeUnseen(read: Read, days: number): Promise<number> {
    return execute(read, `delete from seen_devices where last_seen_at < now() - make_interval(days => $1)`, [
      days,
    ]);
  }
}

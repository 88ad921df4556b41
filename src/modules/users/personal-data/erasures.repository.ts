import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Tx } from '../../../kernel/database/index.js';

/** Longest wait for one lock: shorter than the server waits before it looks for deadlocks. */
const LOCK_WAIT = '500ms';
/** How long an erasure is looked after although nothing is left: for what was under way while it was done. */
const AFTERCARE = `interval '1 minute'`;
/** Pause between looks while something is left. */
const LOOK_AGAIN = `interval '2 seconds'`;

export interface DueErasure {
  readonly userId: string;
  /** The time of aftercare is over. */
  readonly settled: boolean;
}

/** Tombstones in `users`, and the erasures that are still looked after. */
@Injectable()
export class ErasuresRepository {
  /** From here on the transaction gives up (SQLSTATE 55P03) rather than wait for others who may wait for it. */
  async waitOnlyBriefly(tx: Tx): Promise<void> {
    await execute(tx, `set local lock_timeout = '${LOCK_WAIT}'`);
  }

  /**
   * Blanks everything about the person and keeps the id. `email_key` without an @ is the key of no address, so the
   * row can neither be found by a login nor stand in the way of a registration.
   */
  async bury(tx: Tx, userId: string): Promise<void> {
    await execute(
      tx,
      `update users set email = format('erased-%s@invalid', id), email_key = format('erased:%s', id), username = null,
              username_key = null, password_hash = null, full_name = null, role = 'user', is_active = false,
              is_verified = false, metadata = '{}', last_login_at = null, deleted_at = now()
        where id = $1`,
      [userId],
    );
  }

  async lookAfter(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `insert into erasures (user_id) values ($1)`, [userId]);
  }

  /** The one that has been due the longest and that nobody else has, held until the transaction ends. */
  async claimDue(tx: Tx): Promise<DueErasure | null> {
    return queryOne<DueErasure>(
      tx,
      `select user_id as "userId", created_at < now() - ${AFTERCARE} as settled from erasures
        where due_at <= now() order by due_at limit 1 for update skip locked`,
    );
  }

  /** With nothing left, a last look is taken at the end of the aftercare. */
  async postpone(tx: Tx, userId: string, clean: boolean): Promise<void> {
    await execute(
      tx,
      `update erasures set due_at = case when $2 then created_at + ${AFTERCARE} else now() + ${LOOK_AGAIN} end
        where user_id = $1`,
      [userId, clean],
    );
  }

  async close(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from erasures where user_id = $1`, [userId]);
  }
}

import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Read, type Tx } from '../../kernel/database/index.js';

/** An account as mail sees it. */
export interface Mailbox {
  readonly userId: string;
  /** As the person wrote it. */
  readonly email: string;
  readonly emailKey: string;
  /** What to call the person; null when only the address is known. */
  readonly name: string | null;
  readonly isVerified: boolean;
  readonly isActive: boolean;
}

const MAILBOX = `select id as "userId", email, email_key as "emailKey", coalesce(full_name, username) as name,
                        is_verified as "isVerified", is_active as "isActive" from users`;

/** The e-mail columns of `users`. Tombstones of erased people are never among the results. */
@Injectable()
export class EmailAddressesRepository {
  async find(read: Read, userId: string): Promise<Mailbox | null> {
    return queryOne(read, `${MAILBOX} where id = $1 and deleted_at is null`, [userId]);
  }

  /** Keeps others who change this user waiting until the transaction ends. */
  async findForUpdate(tx: Tx, userId: string): Promise<Mailbox | null> {
    return queryOne(tx, `${MAILBOX} where id = $1 and deleted_at is null for update`, [userId]);
  }

  async findByKey(read: Read, emailKey: string): Promise<Mailbox | null> {
    return queryOne(read, `${MAILBOX} where email_key = $1 and deleted_at is null`, [emailKey]);
  }

  /** False when the account's address is another one by now. */
  async setVerified(tx: Tx, userId: string, emailKey: string): Promise<boolean> {
    const touched = await execute(
      tx,
      `update users set is_verified = true, version = version + 1 where id = $1 and email_key = $2 and deleted_at is null`,
      [userId, emailKey],
    );
    return touched === 1;
  }

  /** A proven address. The unique key refuses one that somebody else has. */
  async setEmail(tx: Tx, userId: string, email: string, emailKey: string): Promise<void> {
    await execute(
      tx,
      `update users set email = $2, email_key = $3, is_verified = true, version = version + 1
        where id = $1 and deleted_at is null`,
      [userId, email, emailKey],
    );
  }
}

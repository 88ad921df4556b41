import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { TokenPurpose } from './account-token.js';

export interface NewAccountToken {
  readonly id: string;
  /** Null: for nobody. The statement does the same work and adds no row. */
  readonly userId: string | null;
  readonly purpose: TokenPurpose;
  /** Where the code is sent; for a change or its undoing also the address the account gets. */
  readonly email: string;
  readonly emailKey: string;
  /** The account's address when the code was made. With another one it is void. */
  readonly boundKey: string;
  readonly hash: Buffer;
  readonly nonce: Buffer;
  readonly acceptLanguage: string | null;
  readonly minutes: number;
  /** It counts and is void from the beginning. */
  readonly stillborn: boolean;
}

export interface AccountTokenRow {
  readonly id: string;
  readonly userId: string;
  readonly purpose: TokenPurpose;
  readonly email: string;
  readonly emailKey: string;
  readonly boundKey: string;
  readonly hash: Buffer;
  readonly nonce: Buffer;
  readonly acceptLanguage: string | null;
  /** Neither used, void nor expired, of an active account that still has the address it is bound to. */
  readonly isOpen: boolean;
}

export interface AccountTokenFacts {
  readonly purpose: TokenPurpose;
  readonly email: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly used_at: Date | null;
  readonly voided_at: Date | null;
}

/** First key of the advisory locks that make requests of one address or account take turns. */
const ADDRESS_LOCK = 7_410_004;

/** Whether the code of row `t`, of the user in row `u`, can be used. An undoing outlives further changes (see the README). */
const OPEN = `t.used_at is null and t.voided_at is null and t.expires_at > now()
              and u.is_active and u.deleted_at is null
              and (t.purpose = 'undo_email_change' or u.email_key = t.bound_key)`;
const ROW = `t.id, t.user_id as "userId", t.purpose, t.email, t.email_key as "emailKey", t.bound_key as "boundKey",
             t.token_hash as hash, t.nonce, t.accept_language as "acceptLanguage"`;

/** Rows of `account_tokens`. All times are the database's. */
@Injectable()
export class AccountTokensRepository {
  /** Others who ask for this address or this account wait until the transaction ends. */
  async takeTurns(tx: Tx, emailKey: string, userId: string | null): Promise<void> {
    await execute(
      tx,
      `select pg_advisory_xact_lock($1, hashtext($2)), pg_advisory_xact_lock($1, hashtext(coalesce($3, $2)))`,
      [ADDRESS_LOCK, emailKey, userId],
    );
  }

  /** How many were made in the last minutes for this address, or for this account. */
  async countRecent(
    read: Read,
    purpose: TokenPurpose,
    emailKey: string,
    userId: string | null,
    minutes: number,
  ): Promise<number> {
    const row = await queryOne<{ count: number }>(
      read,
      `select count(*)::integer as count from account_tokens
        where purpose = $1 and created_at > now() - make_interval(mins => $4)
          and (email_key = $2 or user_id = $3::uuid)`,
      [purpose, emailKey, userId, minutes],
    );
    return row?.count ?? 0;
  }

  async insert(tx: Tx, token: NewAccountToken): Promise<void> {
    await execute(
      tx,
      `insert into account_tokens (id, user_id, purpose, email, email_key, bound_key, token_hash, nonce, accept_language,
                                   expires_at, voided_at)
       select $1, $2::uuid, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(mins => $10), case when $11 then now() end
        where $2::uuid is not null`,
      [
        token.id,
        token.userId,
        token.purpose,
        token.email,
        token.emailKey,
        token.boundKey,
        token.hash,
        token.nonce,
        token.acceptLanguage,
        token.minutes,
        token.stillborn,
      ],
    );
  }

  /** Those of the user that could still be used; for nobody none. How many. */
  async voidOpen(tx: Tx, userId: string | null, purposes: readonly TokenPurpose[]): Promise<number> {
    return execute(
      tx,
      `update account_tokens set voided_at = now()
        where user_id = $1::uuid and purpose = any($2) and used_at is null and voided_at is null`,
      [userId, purposes],
    );
  }

  /** Those of one purpose that were made after the given one. */
  async voidNewer(tx: Tx, userId: string, purpose: TokenPurpose, id: string): Promise<void> {
    await execute(
      tx,
      `update account_tokens set voided_at = now()
        where user_id = $1 and purpose = $2 and id > $3 and used_at is null and voided_at is null`,
      [userId, purpose, id],
    );
  }

  async find(read: Read, id: string): Promise<AccountTokenRow | null> {
    return queryOne(
      read,
      `select ${ROW}, (${OPEN}) as "isOpen" from account_tokens t join users u on u.id = t.user_id where t.id = $1`,
      [id],
    );
  }

  /** Spends it; false when it cannot be used (any more). Of several at the same moment one is told true. */
  async spend(tx: Tx, id: string): Promise<boolean> {
    const touched = await execute(
      tx,
      `update account_tokens t set used_at = now() from users u where t.id = $1 and u.id = t.user_id and ${OPEN}`,
      [id],
    );
    return touched === 1;
  }

  /** What the person's latest request that said anything about languages said. */
  async latestAcceptLanguage(read: Read, userId: string): Promise<string | null> {
    const row = await queryOne<{ language: string | null }>(
      read,
      `select accept_language as language from account_tokens
        where user_id = $1 and accept_language is not null order by created_at desc limit 1`,
      [userId],
    );
    return row?.language ?? null;
  }

  async allOf(read: Read, userId: string): Promise<AccountTokenFacts[]> {
    return query(
      read,
      `select purpose, email, created_at, expires_at, used_at, voided_at
         from account_tokens where user_id = $1 order by id`,
      [userId],
    );
  }

  async removeAllOf(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from account_tokens where user_id = $1`, [userId]);
  }

  async removeExpired(read: Read, days: number): Promise<number> {
    return execute(read, `delete from account_tokens where expires_at < now() - make_interval(days => $1)`, [
      days,
    ]);
  }
}

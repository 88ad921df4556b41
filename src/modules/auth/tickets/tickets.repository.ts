import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Tx } from '../../../kernel/database/index.js';

/** Whose ticket it is: made in a session or with a key, never with both. */
export interface TicketIssuer {
  readonly userId: string;
  readonly sessionId: string | null;
  readonly keyId: string | null;
}

export interface SpentTicket extends TicketIssuer {
  /** Null: every path. */
  readonly path: string | null;
  readonly expired: boolean;
}

/** Rows of `tickets`. All times are the database's. */
@Injectable()
export class TicketsRepository {
  async insert(
    tx: Tx,
    ticket: TicketIssuer & { readonly hash: Buffer; readonly path: string | null; readonly seconds: number },
  ): Promise<void> {
    await execute(
      tx,
      `insert into tickets (ticket_hash, user_id, session_id, api_key_id, path, expires_at)
       values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [ticket.hash, ticket.userId, ticket.sessionId, ticket.keyId, ticket.path, ticket.seconds],
    );
  }

  /** Of several who present a ticket at the same moment, in whatever process, one gets its row. */
  async spend(tx: Tx, hash: Buffer): Promise<SpentTicket | null> {
    return queryOne(
      tx,
      `delete from tickets where ticket_hash = $1
       returning user_id as "userId", session_id as "sessionId", api_key_id as "keyId", path,
                 expires_at <= now() as expired`,
      [hash],
      'ticket_spend',
    );
  }

  async deleteAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from tickets where user_id = $1`, [userId]);
  }

  async removeExpired(tx: Tx): Promise<number> {
    return execute(tx, `delete from tickets where expires_at < now()`);
  }
}

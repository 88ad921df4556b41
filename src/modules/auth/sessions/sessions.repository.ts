import { Injectable } from '@nestjs/common';
import type { UserRole } from '../../../kernel/auth/index.js';
import {
  execute,
  query,
  queryOne,
  type PageRequest,
  type Read,
  type Tx,
} from '../../../kernel/database/index.js';

/** How long the token before the current one still gets the same successor, for answers that got lost. */
const GRACE = `interval '10 seconds'`;

/** A session that can be used, `s` being its row. */
const STANDS = `s.revoked_at is null and s.idle_expires_at > now() and s.absolute_expires_at > now()`;

export interface Device {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

export interface NewSession extends Device {
  readonly id: string;
  readonly userId: string;
  readonly refreshHash: Buffer;
  readonly refreshNonce: Buffer;
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

/** Whose session it is, with which role now, and when they last proved who they are. */
export interface SessionHolder {
  readonly userId: string;
  readonly role: UserRole;
  readonly authenticatedAt: Date;
}

export interface RefreshableSession {
  readonly id: string;
  readonly userId: string;
  readonly role: UserRole;
  readonly counter: number;
  readonly hash: Buffer;
  readonly nonce: Buffer;
  readonly rotatedRecently: boolean;
  /** Neither revoked nor expired, and its user is active. */
  readonly stands: boolean;
}

export interface SessionRow {
  readonly id: string;
  readonly device_info: Record<string, unknown>;
  readonly user_agent: string | null;
  readonly ip_address: string | null;
  readonly last_activity_at: Date;
  readonly created_at: Date;
  readonly expires_at: Date;
}

export type RevocationReason =
  'logout' | 'logout_all' | 'ended_by_user' | 'refresh_reuse' | 'password_reset' | 'deactivated';

/** Rows of `sessions`, one a login. All times are the database's. */
@Injectable()
export class SessionsRepository {
  async insert(tx: Tx, session: NewSession): Promise<void> {
    await execute(
      tx,
      `insert into sessions (id, user_id, refresh_hash, refresh_nonce, ip_address, user_agent,
                             idle_expires_at, absolute_expires_at)
       values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), now() + make_interval(secs => $8))`,
      [
        session.id,
        session.userId,
        session.refreshHash,
        session.refreshNonce,
        session.ipAddress,
        session.userAgent,
        session.idleSeconds,
        session.absoluteSeconds,
      ],
    );
  }

  /** Null unless it stands and its user is active. Once a request. */
  async holder(read: Read, id: string): Promise<SessionHolder | null> {
    return queryOne(
      read,
      `select u.id as "userId", u.role, s.authenticated_at as "authenticatedAt" from sessions s join users u on u.id = s.user_id
        where s.id = $1 and ${STANDS} and u.is_active and u.deleted_at is null`,
      [id],
      'session_holder',
    );
  }

  async findForRefresh(read: Read, id: string): Promise<RefreshableSession | null> {
    return queryOne(
      read,
      `select s.id, s.user_id as "userId", u.role, s.refresh_counter as counter, s.refresh_hash as hash,
              s.refresh_nonce as nonce, s.rotated_at > now() - ${GRACE} as "rotatedRecently",
              (${STANDS} and u.is_active and u.deleted_at is null) as stands
         from sessions s join users u on u.id = s.user_id
        where s.id = $1`,
      [id],
      'session_for_refresh',
    );
  }

  /** Spends token number `counter`. False when another request has spent it or the session has ended meanwhile. */
  async rotate(
    tx: Tx,
    id: string,
    counter: number,
    next: { hash: Buffer; idleSeconds: number } & Device,
  ): Promise<boolean> {
    const touched = await execute(
      tx,
      `update sessions s
          set refresh_counter = s.refresh_counter + 1, refresh_hash = $3, rotated_at = now(),
              last_activity_at = now(), idle_expires_at = now() + make_interval(secs => $4),
              ip_address = $5, user_agent = $6
        where s.id = $1 and s.refresh_counter = $2 and ${STANDS}`,
      [id, counter, next.hash, next.idleSeconds, next.ipAddress, next.userAgent],
    );
    return touched === 1;
  }

  /** False when there is no such session of this user that still stands. */
  async revoke(tx: Tx, id: string, userId: string, reason: RevocationReason): Promise<boolean> {
    const touched = await execute(
      tx,
      `update sessions s set revoked_at = now(), revoked_reason = $3
        where s.id = $1 and s.user_id = $2 and ${STANDS}`,
      [id, userId, reason],
    );
    return touched === 1;
  }

  /** How many there were. */
  async revokeAll(tx: Tx, userId: string, reason: RevocationReason): Promise<number> {
    return execute(
      tx,
      `update sessions s set revoked_at = now(), revoked_reason = $2 where s.user_id = $1 and ${STANDS}`,
      [userId, reason],
    );
  }

  /** Where a session was last used from, whether it still stands or not. */
  async origin(
    read: Read,
    id: string,
  ): Promise<{ userId: string; userAgent: string | null; ipAddress: string | null } | null> {
    return queryOne(
      read,
      `select user_id as "userId", user_agent as "userAgent", host(ip_address) as "ipAddress"
         from sessions where id = $1`,
      [id],
    );
  }

  /** The sessions of a user that stand, newest first, one more than the limit. */
  async page(read: Read, userId: string, { limit, cursor }: PageRequest): Promise<SessionRow[]> {
    return query<SessionRow>(
      read,
      `select s.id, s.device_info, s.user_agent, s.ip_address, s.last_activity_at, s.created_at,
              least(s.idle_expires_at, s.absolute_expires_at) as expires_at
         from sessions s
        where s.user_id = $1 and ($2::uuid is null or s.id < $2) and ${STANDS}
        order by s.id desc limit $3`,
      [userId, cursor ?? null, limit + 1],
    );
  }
}

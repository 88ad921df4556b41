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
import { CredentialChanges } from '../../../kernel/realtime/index.js';
import type { DeviceInfo } from './device-info.js';
import { SessionKeys, type PublishedSession } from './session-keys.js';

/** How long the token before the current one still gets the same successor, for answers that got lost. */
const GRACE = `interval '10 seconds'`;

/** A session that can be used, `s` being its row. */
const STANDS = `s.revoked_at is null and s.idle_expires_at > now() and s.absolute_expires_at > now()`;

const SECONDS_LEFT = `extract(epoch from least(s.idle_expires_at, s.absolute_expires_at) - now())::float8 as "secondsLeft"`;

/** What other programs are told, `u` being its user's row. */
const PUBLISHED = `s.id, s.user_id as "userId", u.username, u.role, ${SECONDS_LEFT},
  floor(extract(epoch from s.created_at))::float8 as "createdAt",
  floor(extract(epoch from least(s.idle_expires_at, s.absolute_expires_at)))::float8 as "expiresAt"`;

export interface Device {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly deviceInfo: DeviceInfo;
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
  readonly sessionId: string;
  readonly userId: string;
  readonly role: UserRole;
  readonly authenticatedAt: Date;
  /** A second factor is set up. */
  readonly hasFactor: boolean;
  /** Until it ends by itself, from the moment of this read on: no clock of this process is asked. */
  readonly secondsLeft: number;
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
  readonly device_info: unknown;
  readonly user_agent: string | null;
  readonly ip_address: string | null;
  readonly last_activity_at: Date;
  readonly created_at: Date;
  readonly expires_at: Date;
}

export type RevocationReason =
  | 'logout'
  | 'logout_all'
  | 'ended_by_user'
  | 'ended_by_admin'
  | 'refresh_reuse'
  | 'password_reset'
  | 'password_change'
  | 'reauthenticated'
  | 'factor_added'
  | 'factor_removed'
  | 'deactivated'
  | 'too_many';

/**
 * Rows of `sessions`, one a login. All times are the database's. Whatever ends one is announced to every process
 * after its commit, by the methods themselves: no caller can forget it.
 */
@Injectable()
export class SessionsRepository {
  constructor(
    private readonly changes: CredentialChanges,
    private readonly keys: SessionKeys,
  ) {}

  async insert(tx: Tx, session: NewSession): Promise<void> {
    const made = await query<PublishedSession>(
      tx,
      `with s as (
         insert into sessions (id, user_id, refresh_hash, refresh_nonce, ip_address, user_agent,
                               idle_expires_at, absolute_expires_at, device_info)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), now() + make_interval(secs => $8), $9)
         returning *)
       select ${PUBLISHED} from s join users u on u.id = s.user_id`,
      [
        session.id,
        session.userId,
        session.refreshHash,
        session.refreshNonce,
        session.ipAddress,
        session.userAgent,
        session.idleSeconds,
        session.absoluteSeconds,
        session.deviceInfo,
      ],
    );
    this.keys.publish(tx, made);
  }

  /** Null unless it stands and its user is active. */
  async holder(read: Read, id: string): Promise<SessionHolder | null> {
    return (await this.holders(read, [id]))[0] ?? null;
  }

  /** Of those that stand and whose user is active; the others are not in it. */
  async holders(read: Read, ids: readonly string[]): Promise<SessionHolder[]> {
    return query(
      read,
      `select s.id as "sessionId", u.id as "userId", u.role, s.authenticated_at as "authenticatedAt",
              exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null) as "hasFactor",
              ${SECONDS_LEFT}
         from sessions s join users u on u.id = s.user_id
        where s.id = any($1::uuid[]) and ${STANDS} and u.is_active and u.deleted_at is null`,
      [ids],
      'session_holders',
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
    const renewed = await query<PublishedSession>(
      tx,
      `update sessions s
          set refresh_counter = s.refresh_counter + 1, refresh_hash = $3, rotated_at = now(),
              last_activity_at = now(), idle_expires_at = now() + make_interval(secs => $4),
              ip_address = $5, user_agent = $6, device_info = $7
         from users u
        where u.id = s.user_id and s.id = $1 and s.refresh_counter = $2 and ${STANDS}
       returning ${PUBLISHED}`,
      [id, counter, next.hash, next.idleSeconds, next.ipAddress, next.userAgent, next.deviceInfo],
    );
    this.keys.publish(tx, renewed);
    return renewed.length === 1;
  }

  /** That they were used just now, unless that is known to the minute. What others write to at the moment is left out. */
  async touch(tx: Tx, ids: readonly string[]): Promise<void> {
    await execute(
      tx,
      `update sessions s set last_activity_at = now() where s.id in (
         select id from sessions
          where id = any($1::uuid[]) and last_activity_at < now() - interval '50 seconds'
          for update skip locked)`,
      [ids],
    );
  }

  /** False when there is no such session of this user that still stands. */
  async revoke(tx: Tx, id: string, userId: string, reason: RevocationReason): Promise<boolean> {
    const touched = await execute(
      tx,
      `update sessions s set revoked_at = now(), revoked_reason = $3
        where s.id = $1 and s.user_id = $2 and ${STANDS}`,
      [id, userId, reason],
    );
    if (touched === 1) this.announceEnd(tx, userId, [id]);
    return touched === 1;
  }

  /** How many there were. */
  async revokeAll(tx: Tx, userId: string, reason: RevocationReason): Promise<number> {
    const rows = await query<{ id: string }>(
      tx,
      `update sessions s set revoked_at = now(), revoked_reason = $2 where s.user_id = $1 and ${STANDS} returning s.id`,
      [userId, reason],
    );
    this.keys.remove(tx, userId, idsOf(rows));
    // The user, not the sessions: also what an API key of theirs is remembered by.
    this.changes.announce(tx, { userIds: [userId] });
    return rows.length;
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

  /** All but one. How many there were. */
  async revokeOthers(tx: Tx, userId: string, kept: string, reason: RevocationReason): Promise<number> {
    const rows = await query<{ id: string }>(
      tx,
      `update sessions s set revoked_at = now(), revoked_reason = $3
        where s.user_id = $1 and s.id <> $2 and ${STANDS} returning s.id`,
      [userId, kept, reason],
    );
    this.keys.remove(tx, userId, idsOf(rows));
    this.changes.announce(tx, { sessionIds: idsOf(rows) });
    return rows.length;
  }

  /**
   * Ends all sessions of the user but the `max` used last, one of which is `newest`; which ones. Right also for
   * logins at the same moment when the caller holds the user's row, as a login does.
   */
  async revokeBeyond(tx: Tx, userId: string, newest: string, max: number): Promise<string[]> {
    const rows = await query<{ id: string }>(
      tx,
      `update sessions set revoked_at = now(), revoked_reason = 'too_many' where id in (
         select s.id from sessions s where s.user_id = $1 and s.id <> $2 and ${STANDS}
          order by s.last_activity_at desc, s.id desc offset $3)
       returning id`,
      [userId, newest, max - 1],
    );
    const ids = idsOf(rows);
    if (ids.length > 0) this.announceEnd(tx, userId, ids);
    return ids;
  }

  /** The user has another role: what is known about their sessions is old, although they stand. */
  async rightsChanged(tx: Tx, userId: string): Promise<void> {
    const standing = await query<PublishedSession>(
      tx,
      `select ${PUBLISHED} from sessions s join users u on u.id = s.user_id where s.user_id = $1 and ${STANDS}`,
      [userId],
    );
    this.keys.publish(tx, standing);
    this.changes.announce(tx, { userIds: [userId] });
  }

  /** Removes up to `limit` of those that ended more than `days` ago, by themselves or not; how many. */
  async removeEnded(tx: Tx, days: number, limit: number): Promise<number> {
    return execute(
      tx,
      `delete from sessions where id in (
         select id from sessions
          where least(revoked_at, idle_expires_at, absolute_expires_at) < now() - make_interval(days => $1)
          limit $2 for update skip locked)`,
      [days, limit],
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

  private announceEnd(tx: Tx, userId: string, ids: readonly string[]): void {
    this.keys.remove(tx, userId, ids);
    this.changes.announce(tx, { sessionIds: ids });
  }
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);

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

/** What is shown of a key: never its hash. */
const SHOWN = `k.id, k.name, k.prefix, k.scopes, k.allowed_networks as "allowedNetworks", k.created_at as "createdAt",
  k.expires_at as "expiresAt", k.last_used_at as "lastUsedAt", k.last_used_ip as "lastUsedIp"`;

const LIVE = `k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`;

/** How long keys that have ended are kept, so that who still uses one is told what became of it. */
const KEPT = `interval '90 days'`;

export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: string[];
  readonly allowedNetworks: string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly lastUsedIp: string | null;
}

export interface NewApiKeyRow {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly prefix: string;
  readonly keyHash: Buffer;
  readonly scopes: readonly string[];
  readonly allowedNetworks: readonly string[];
  /** `default`: in so many days. Null: never. */
  readonly expiresAt: Date | null | { readonly days: number };
}

/** Everything a request with a key needs to know, in one read. */
export interface ApiKeyHolder {
  readonly id: string;
  readonly keyHash: Buffer;
  readonly userId: string;
  /** The owner's role of now. */
  readonly role: UserRole;
  readonly scopes: readonly string[];
  readonly allowedNetworks: readonly string[];
  /** Revoked, or its owner is no longer active. */
  readonly ended: boolean;
  readonly expired: boolean;
  /** The use of the last minute is noted already. */
  readonly usedRecently: boolean;
}

export interface ApiKeyUse {
  readonly id: string;
  readonly ipAddress: string | null;
}

export type KeyRevocationReason = 'revoked_by_user' | 'deactivated';

const HOLDER = `select k.id, k.key_hash as "keyHash", k.user_id as "userId", u.role, k.scopes,
    k.allowed_networks as "allowedNetworks",
    (k.revoked_at is not null or not u.is_active or u.deleted_at is not null) as ended,
    coalesce(k.expires_at <= now(), false) as expired,
    coalesce(k.last_used_at > now() - interval '1 minute', false) as "usedRecently"
  from api_keys k join users u on u.id = k.user_id`;

/**
 * Rows of `api_keys`. All times are the database's. Whatever ends keys is announced to every process after its
 * commit, by the methods themselves: open streams of those keys end at once.
 */
@Injectable()
export class ApiKeysRepository {
  constructor(private readonly changes: CredentialChanges) {}

  /** Keeps others who make keys for this user waiting until the transaction ends, and counts the live ones. */
  async lockAndCount(tx: Tx, userId: string): Promise<number> {
    await execute(tx, `select 1 from users where id = $1 for no key update`, [userId]);
    const row = await queryOne<{ count: number }>(
      tx,
      `select count(*)::int as count from api_keys k where k.user_id = $1 and ${LIVE}`,
      [userId],
    );
    return row?.count ?? 0;
  }

  async insert(tx: Tx, key: NewApiKeyRow): Promise<ApiKeyRow> {
    const at = key.expiresAt instanceof Date ? key.expiresAt : null;
    const days = key.expiresAt === null || key.expiresAt instanceof Date ? null : key.expiresAt.days;
    const row = await queryOne<ApiKeyRow>(
      tx,
      `insert into api_keys as k (id, user_id, name, prefix, key_hash, scopes, allowed_networks, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now() + make_interval(days => $9)))
       returning ${SHOWN}`,
      [key.id, key.userId, key.name, key.prefix, key.keyHash, key.scopes, key.allowedNetworks, at, days],
    );
    if (!row) throw new Error('an inserted key was not returned');
    return row;
  }

  /** The keys of a user that nobody has revoked, expired ones among them, newest first, one more than the limit. */
  async page(read: Read, userId: string, { limit, cursor }: PageRequest): Promise<ApiKeyRow[]> {
    return query<ApiKeyRow>(
      read,
      `select ${SHOWN} from api_keys k
        where k.user_id = $1 and ($2::uuid is null or k.id < $2) and k.revoked_at is null
        order by k.id desc limit $3`,
      [userId, cursor ?? null, limit + 1],
    );
  }

  /** Once a request. */
  async holderByPrefix(read: Read, prefix: string): Promise<ApiKeyHolder | null> {
    return queryOne(read, `${HOLDER} where k.prefix = $1`, [prefix], 'api_key_holder_by_prefix');
  }

  async holder(read: Read, id: string): Promise<ApiKeyHolder | null> {
    return queryOne(read, `${HOLDER} where k.id = $1`, [id], 'api_key_holder');
  }

  /** False when this user has no such key, or it was revoked before. */
  async revoke(tx: Tx, id: string, userId: string, reason: KeyRevocationReason): Promise<boolean> {
    const touched = await execute(
      tx,
      `update api_keys set revoked_at = now(), revoked_reason = $3
        where id = $1 and user_id = $2 and revoked_at is null`,
      [id, userId, reason],
    );
    if (touched === 1) this.changes.announce(tx, { keyIds: [id] });
    return touched === 1;
  }

  async revokeAll(tx: Tx, userId: string, reason: KeyRevocationReason): Promise<void> {
    const rows = await query<{ id: string }>(
      tx,
      `update api_keys set revoked_at = now(), revoked_reason = $2
        where user_id = $1 and revoked_at is null returning id`,
      [userId, reason],
    );
    if (rows.length > 0) this.changes.announce(tx, { keyIds: rows.map(({ id }) => id) });
  }

  /** Notes uses, each key's at most once a minute, whichever process asks. */
  async noteUses(tx: Tx, uses: readonly ApiKeyUse[]): Promise<void> {
    await execute(
      tx,
      `update api_keys k set last_used_at = now(), last_used_ip = used.ip
         from unnest($1::uuid[], $2::inet[]) as used (id, ip)
        where k.id = used.id and coalesce(k.last_used_at <= now() - interval '1 minute', true)`,
      [uses.map(({ id }) => id), uses.map(({ ipAddress }) => ipAddress)],
    );
  }

  async deleteAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from api_keys where user_id = $1`, [userId]);
  }

  /** Everything about a person's keys that is theirs to have, revoked ones too. */
  async everything(read: Read, userId: string): Promise<(ApiKeyRow & { revokedAt: Date | null })[]> {
    return query(
      read,
      `select ${SHOWN}, k.revoked_at as "revokedAt" from api_keys k where k.user_id = $1 order by k.id`,
      [userId],
    );
  }

  async removeLongEnded(tx: Tx): Promise<number> {
    return execute(
      tx,
      `delete from api_keys where revoked_at < now() - ${KEPT} or expires_at < now() - ${KEPT}`,
    );
  }
}

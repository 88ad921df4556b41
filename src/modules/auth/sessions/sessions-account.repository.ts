import { Injectable } from '@nestjs/common';
import { execute, query, type Read, type Tx } from '../../../kernel/database/index.js';

/** What a person may have of a session: never its refresh hash or nonce. */
export interface PersonalSession {
  readonly id: string;
  readonly deviceInfo: Record<string, unknown>;
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
  readonly createdAt: Date;
  readonly authenticatedAt: Date;
  readonly lastActivityAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly revokedReason: string | null;
}

/** The sessions of one person as a whole, those that have ended too. */
@Injectable()
export class SessionsAccountRepository {
  async removeAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from sessions where user_id = $1`, [userId]);
  }

  async after(read: Read, userId: string, after: string, limit: number): Promise<PersonalSession[]> {
    return query<PersonalSession>(
      read,
      `select id, device_info as "deviceInfo", user_agent as "userAgent", ip_address as "ipAddress",
              created_at as "createdAt", authenticated_at as "authenticatedAt", last_activity_at as "lastActivityAt",
              least(idle_expires_at, absolute_expires_at) as "expiresAt", revoked_at as "revokedAt",
              revoked_reason as "revokedReason"
         from sessions where user_id = $1 and id > $2 order by id limit $3`,
      [userId, after, limit],
    );
  }
}

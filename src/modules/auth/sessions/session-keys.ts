import { Injectable, Optional } from '@nestjs/common';
import type { UserRole } from '../../../kernel/auth/index.js';
import type { Tx } from '../../../kernel/database/index.js';
import { PublishedKeys, type PublishedPlace } from '../../../kernel/redis/index.js';

const DAY_SECONDS = 86_400;

/** A session that stands, as other programs see it. */
export interface PublishedSession {
  readonly id: string;
  readonly userId: string;
  readonly username: string | null;
  readonly role: UserRole;
  /** Epoch seconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly secondsLeft: number;
}

/**
 * The keys of S1-31 and S1-32 for other programs, where there is Redis: `session:{id}` and the set
 * `user:sessions:{userId}`. A key lives for a day from login or refresh, or until the session ends by itself if that
 * is sooner (C27). The set may name sessions whose key is gone. Written and removed after the commit.
 *
 * `permissions` is empty: rights are per remote, and a flat list could only say something wrong.
 */
@Injectable()
export class SessionKeys {
  constructor(@Optional() private readonly keys?: PublishedKeys) {}

  publish(tx: Tx, sessions: readonly PublishedSession[]): void {
    if (this.keys) tx.afterCommit(() => sessions.forEach((session) => this.put(session)));
  }

  remove(tx: Tx, userId: string, sessionIds: readonly string[]): void {
    if (this.keys) tx.afterCommit(() => this.keys?.remove(sessionIds.map((id) => placeOf(id, userId))));
  }

  private put({ id, secondsLeft, ...session }: PublishedSession): void {
    const { userId, username, role, createdAt, expiresAt } = session;
    this.keys?.put({
      ...placeOf(id, userId),
      value: { userId, username, role, permissions: [], createdAt, expiresAt },
      ttlSeconds: Math.min(DAY_SECONDS, secondsLeft),
      indexTtlSeconds: DAY_SECONDS,
    });
  }
}

const placeOf = (id: string, userId: string): PublishedPlace => ({
  key: `session:${id}`,
  index: { key: `user:sessions:${userId}`, member: id },
});

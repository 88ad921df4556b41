import { Injectable } from '@nestjs/common';
import { Database } from '../../kernel/database/index.js';
import { AuditService } from '../audit/index.js';
import { PasswordHasher, UsersService } from '../users/index.js';
import { oneTimePassword } from './one-time-password.js';
import { SessionsRepository } from './sessions/sessions.repository.js';

const ACTOR = { type: 'system', name: 'command line' } as const;

/**
 * The way back in for whoever can run commands on the server: a new password for an account there is. Password,
 * end of all its sessions and audit entries are one transaction. An account that is not active stays so.
 */
@Injectable()
export class OperatorReset {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly sessions: SessionsRepository,
    private readonly audit: AuditService,
  ) {}

  /** Null when nobody has this e-mail or username. `oneTimePassword` is to be shown once and is stored nowhere. */
  async reset(
    identifier: string,
  ): Promise<{ email: string; isActive: boolean; oneTimePassword: string; endedSessions: number } | null> {
    const user = await this.users.findByIdentifier(this.database.as(ACTOR).read, identifier);
    if (!user) return null;
    const password = oneTimePassword();
    const passwordHash = await this.hasher.hash(password);
    const endedSessions = await this.database.as(ACTOR).tx(async (tx) => {
      await this.users.replacePassword(tx, ACTOR, user.id, passwordHash);
      const ended = await this.sessions.revokeAll(tx, user.id, 'password_reset');
      await this.audit.record(tx, {
        actor: ACTOR,
        action: 'session.revoke_all',
        resource: { type: 'user', id: user.id },
        details: { sessions: ended },
      });
      return ended;
    });
    return { email: user.email, isActive: user.isActive, oneTimePassword: password, endedSessions };
  }
}

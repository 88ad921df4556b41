import { Injectable } from '@nestjs/common';
import type { SessionActor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { PasswordHasher, UsersService } from '../../users/index.js';
import { ACCOUNT_CHANNEL, PASSWORD_CHANGED, type PasswordChangedData } from '../auth.events.js';
import { Guesses } from '../guessing/guesses.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { PasswordChange } from './passwords.schema.js';

const isWrongPassword = (error: unknown): boolean =>
  error instanceof UserError && error.errors.some(({ code }) => code === 'password_wrong');

const ACTION = 'auth.password_change';

/**
 * Changing one's own password (ASVS 6.2.2, 6.2.3, 7.4.3). Needs the current one, also in an open session, because
 * sessions are left open on foreign machines. The new hash, the end of the other sessions, the audit entry and the
 * event are one transaction; a login with the old password that is under way does not survive it.
 */
@Injectable()
export class PasswordsService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly sessions: SessionsService,
    private readonly audit: AuditService,
    private readonly events: Events,
    private readonly guesses: Guesses,
  ) {}

  /**
   * `UserError` 400 naming the field: a new password nobody may have, `password_wrong` for the current one,
   * `password_unchanged`; 409 when somebody else has changed it at the same moment; 429 after too many wrong ones.
   */
  async change(actor: SessionActor, change: PasswordChange): Promise<void> {
    await this.guesses.ofUser('password', actor.userId, isWrongPassword, () =>
      this.changeOnce(actor, change),
    );
  }

  private async changeOnce(actor: SessionActor, change: PasswordChange): Promise<void> {
    const { currentPassword, newPassword, keepOtherSessions } = change;
    const user = await this.users.get(actor.userId);
    const known = await this.users.credentialsById(this.database.read, actor.userId);
    if (!known || !(await this.hasher.matches(known.passwordHash, currentPassword)))
      return this.refuse(actor);
    if (currentPassword.normalize('NFC') === newPassword.normalize('NFC'))
      throw UserError.field('/newPassword', 'password_unchanged', 'is the password you already have');
    const next = await this.users.acceptedHash(user, newPassword, '/newPassword');
    await this.database.as(actor).tx(async (tx) => {
      if (!(await this.users.changePassword(tx, known, next)))
        throw UserError.conflict('password_replaced', 'The password has been changed meanwhile.');
      const endedSessions = keepOtherSessions
        ? 0
        : await this.sessions.endOthers(tx, actor, 'password_change');
      await this.audit.record(tx, { actor, action: ACTION, details: { endedSessions } });
      await this.events.record(tx, [
        {
          type: PASSWORD_CHANGED,
          channel: ACCOUNT_CHANNEL,
          userId: actor.userId,
          subjectId: actor.userId,
          data: { endedSessions } satisfies PasswordChangedData,
        },
      ]);
    });
  }

  private async refuse(actor: SessionActor): Promise<never> {
    const details = { reason: 'wrong_password' };
    await this.audit.recordAlone({ actor, action: ACTION, result: 'failure', details });
    throw UserError.field('/currentPassword', 'password_wrong', 'is not your password');
  }
}

import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { EmailAddresses, UsersService } from '../../users/index.js';
import { SessionsRepository } from '../sessions/sessions.repository.js';
import { ACCOUNT_CHANNEL, PASSWORD_CHANGED, type PasswordChangedData } from '../auth.events.js';
import { PASSWORD_RESET_ASKED } from './account-mail.events.js';
import { AccountTokens, invalidToken } from './account-tokens.service.js';
import { AccountTokensRepository } from './account-tokens.repository.js';
import { MailRequests, type Addressee } from './mail-requests.js';

const ACTOR = { type: 'system', name: 'password reset' } as const;

/**
 * A new password for whoever reads the mailbox of an account. It ends every session and logs nobody in: who has a
 * second factor needs it afterwards as before (ASVS 6.4.3). Reading the mailbox also proves the address.
 */
@Injectable()
export class PasswordReset {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly addresses: EmailAddresses,
    private readonly sessions: SessionsRepository,
    private readonly tokens: AccountTokens,
    private readonly tokenRows: AccountTokensRepository,
    private readonly requests: MailRequests,
    private readonly events: Events,
    private readonly audit: AuditService,
  ) {}

  /** 400 for what can be no address; otherwise nothing tells whether a mail was sent. */
  async forgot(email: string): Promise<void> {
    const key = this.addresses.keyOf(email);
    await this.requests.ofStranger(
      'auth.forgot_password',
      PASSWORD_RESET_ASKED,
      key,
      'reset_password',
      async (tx): Promise<Addressee> => {
        const mailbox = await this.addresses.ownerOf(tx, key);
        if (!mailbox) return { mailbox: null, reason: 'unknown_address' };
        return mailbox.isActive ? { mailbox, reason: null } : { mailbox: null, reason: 'inactive' };
      },
    );
  }

  /**
   * 400 `token_invalid`, before anything is hashed: strangers must not keep the hasher busy. 400 naming the field for
   * a password nobody may have, after which the code can be used again.
   */
  async reset(token: string, newPassword: string): Promise<void> {
    const purposes = ['reset_password'] as const;
    const database = this.database.system('password reset');
    const known = await this.tokens.require(database.read, token, purposes);
    const owner = await this.users.find(database.read, known.userId);
    if (!owner) throw invalidToken();
    const passwordHash = await this.users.acceptedHash(owner, newPassword, '/newPassword');
    await database.tx(async (tx) => {
      const { userId, boundKey } = await this.tokens.use(tx, token, purposes);
      await this.users.replacePassword(tx, ACTOR, userId, passwordHash);
      if (!(await this.addresses.prove(tx, null, userId, boundKey))) throw invalidToken();
      const endedSessions = await this.endSessions(tx, userId);
      // Whoever had asked for another address did so with the old password.
      await this.tokenRows.voidOpen(tx, userId, ['reset_password', 'change_email']);
      const data: PasswordChangedData = { endedSessions };
      await this.events.record(tx, [
        { type: PASSWORD_CHANGED, channel: ACCOUNT_CHANNEL, userId, subjectId: userId, data },
      ]);
    });
  }

  /** All sessions of the user, in the caller's transaction; how many there were. */
  async endSessions(tx: Tx, userId: string): Promise<number> {
    const sessions = await this.sessions.revokeAll(tx, userId, 'password_reset');
    await this.audit.record(tx, {
      actor: ACTOR,
      action: 'session.revoke_all',
      resource: { type: 'user', id: userId },
      details: { sessions },
    });
    return sessions;
  }
}

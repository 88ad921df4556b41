import { Injectable } from '@nestjs/common';
import type { SessionActor } from '../../../kernel/auth/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { EmailAddresses } from '../../users/index.js';
import { ACCOUNT_CHANNEL } from '../auth.events.js';
import { EMAIL_CHANGED, EMAIL_CHANGE_ASKED, PASSWORD_RESET_ASKED } from './account-mail.events.js';
import { AccountTokens, invalidToken } from './account-tokens.service.js';
import { AccountTokensRepository, type AccountTokenRow } from './account-tokens.repository.js';
import { MailRequests, afterFloor } from './mail-requests.js';
import { PasswordReset } from './password-reset.service.js';

/**
 * Another address for an account. It counts once a code that went to it comes back. The old address is told when the
 * change is asked for, and once it is done gets a code that takes it back for 72 hours; but only an address that was
 * proven: whoever owns one that was merely mistyped must not be handed the account.
 */
@Injectable()
export class EmailChange {
  constructor(
    private readonly database: Database,
    private readonly addresses: EmailAddresses,
    private readonly tokens: AccountTokens,
    private readonly tokenRows: AccountTokensRepository,
    private readonly requests: MailRequests,
    private readonly resets: PasswordReset,
    private readonly events: Events,
    private readonly audit: AuditService,
  ) {}

  /** Nothing tells whether somebody else has the address: then the code that is made never works, and is not sent. */
  async ask(actor: SessionActor, email: string): Promise<void> {
    const emailKey = this.addresses.keyOf(email);
    await afterFloor(() =>
      this.database.system('email change').tx(async (tx) => {
        const { userId } = actor;
        const own = await this.addresses.of(tx, userId);
        if (!own) throw UserError.notFound('user');
        const owner = await this.addresses.ownerOf(tx, emailKey);
        const stillborn = owner !== null && owner.userId !== userId;
        const wish = { userId, purpose: 'change_email', email, emailKey, boundKey: own.emailKey } as const;
        const made = await this.requests.ask(tx, EMAIL_CHANGE_ASKED, { ...wish, stillborn });
        const reason = !made ? 'too_many_mails' : stillborn ? 'email_taken' : null;
        await this.audit.record(tx, {
          actor,
          action: 'auth.ask_email_change',
          resource: { type: 'user', id: userId },
          result: reason === null ? 'success' : 'failure',
          details: reason === null ? {} : { reason },
        });
      }),
    );
  }

  /** Carries out what a code of the new address asks for. 409 `email_taken`, after which the code can be used again. */
  async apply(tx: Tx, { userId, email, boundKey }: AccountTokenRow): Promise<void> {
    const before = await this.addresses.lockOf(tx, userId);
    if (before?.emailKey !== boundKey) throw invalidToken();
    await this.addresses.change(tx, null, userId, email);
    await this.tokenRows.voidOpen(tx, userId, ['verify_email', 'reset_password', 'change_email']);
    if (!before.isVerified) return;
    const tokenId = await this.tokens.make(tx, {
      userId,
      purpose: 'undo_email_change',
      email: before.email,
      emailKey: before.emailKey,
      boundKey: before.emailKey,
    });
    await this.tell(tx, EMAIL_CHANGED, userId, tokenId);
  }

  /**
   * Gives the account back to the address it had, ends all its sessions and sends that address a code for a new
   * password, because whoever changed it had the old one. What was asked for since is void, later undoings too.
   */
  async undo(token: string): Promise<void> {
    await this.database.system('email change').tx(async (tx) => {
      const row = await this.tokens.use(tx, token, ['undo_email_change']);
      const { id, userId, email, emailKey } = row;
      await this.addresses.lockOf(tx, userId);
      await this.addresses.change(tx, null, userId, email);
      await this.tokenRows.voidOpen(tx, userId, ['verify_email', 'reset_password', 'change_email']);
      await this.tokenRows.voidNewer(tx, userId, 'undo_email_change', id);
      await this.resets.endSessions(tx, userId);
      const purpose = 'reset_password';
      const tokenId = await this.tokens.make(tx, { userId, purpose, email, emailKey, boundKey: emailKey });
      await this.tell(tx, PASSWORD_RESET_ASKED, userId, tokenId);
    });
  }

  private async tell(tx: Tx, type: string, userId: string, tokenId: string): Promise<void> {
    await this.events.record(tx, [
      { type, channel: ACCOUNT_CHANNEL, userId, subjectId: userId, data: { tokenId } },
    ]);
  }
}

import { Injectable } from '@nestjs/common';
import { Database, type Read } from '../../../kernel/database/index.js';
import { EmailAddresses, UserPreferences, type Mailbox } from '../../users/index.js';
import { SessionsRepository } from '../sessions/sessions.repository.js';
import type { AccountMailName } from './account-mail.events.js';
import { TOKEN_MINUTES } from './account-token.js';
import { AccountTokens } from './account-tokens.service.js';
import { AccountTokensRepository, type AccountTokenRow } from './account-tokens.repository.js';
import { deviceName } from './device-kind.js';

/** A mail that an event calls for, by ids only: what jobs carry. */
export interface AccountMailRequest {
  readonly mail: AccountMailName;
  readonly userId: string;
  /** The code or the session it is about. */
  readonly subjectId: string | null;
}

/** What a mail says, in no language yet. */
export interface AccountMailContent {
  readonly to: { readonly name: string | null; readonly address: string };
  /**
   * In the form of the header Accept-Language, of which a single tag is one: what the person has chosen, otherwise
   * what their request asked for. Null when nothing is known.
   */
  readonly languages: string | null;
  readonly timezone: string;
  readonly code: string | null;
  readonly values: Readonly<Record<string, string | number>>;
}

type Content = Omit<AccountMailContent, 'languages' | 'timezone' | 'code'> &
  Partial<Pick<AccountMailContent, 'languages' | 'code'>>;

/**
 * What is to be mailed, looked up when it is sent: nothing of it was stored on the way. Null when the mail has become
 * moot: its code is used, void or expired, the address is another one, the account is gone.
 */
@Injectable()
export class AccountMails {
  constructor(
    private readonly database: Database,
    private readonly addresses: EmailAddresses,
    private readonly sessions: SessionsRepository,
    private readonly tokens: AccountTokens,
    private readonly tokenRows: AccountTokensRepository,
    private readonly preferences: UserPreferences,
  ) {}

  async contentOf(request: AccountMailRequest): Promise<AccountMailContent | null> {
    const { read } = this.database.system('account mails');
    const mailbox = await this.addresses.of(read, request.userId);
    if (!mailbox?.isActive) return null;
    const content = await this.found(read, request, mailbox);
    if (!content) return null;
    const chosen = await this.preferences.chosen(read, request.userId);
    const languages =
      chosen?.language ??
      content.languages ??
      (await this.tokenRows.latestAcceptLanguage(read, request.userId));
    return { code: null, ...content, languages, timezone: chosen?.timezone ?? 'UTC' };
  }

  private async found(
    read: Read,
    { mail, subjectId }: AccountMailRequest,
    mailbox: Mailbox,
  ): Promise<Content | null> {
    switch (mail) {
      case 'verify-email':
      case 'reset-password':
      case 'confirm-new-email':
      case 'email-changed':
        return this.withCode(await this.tokenOf(read, mailbox, subjectId), mailbox);
      case 'email-change-asked':
        return changeAsked(await this.tokenOf(read, mailbox, subjectId), mailbox);
      case 'new-device':
        return subjectId === null ? null : this.newDevice(read, subjectId, mailbox);
      default:
        return { to: own(mailbox), values: {} };
    }
  }

  private async tokenOf(
    read: Read,
    { userId }: Mailbox,
    tokenId: string | null,
  ): Promise<AccountTokenRow | null> {
    const row = tokenId === null ? null : await this.tokenRows.find(read, tokenId);
    return row?.userId === userId ? row : null;
  }

  private withCode(row: AccountTokenRow | null, { name, email }: Mailbox): Content | null {
    const code = row && this.tokens.textOf(row);
    if (!code) return null;
    const minutes = TOKEN_MINUTES[row.purpose];
    return {
      to: { name, address: row.email },
      languages: row.acceptLanguage,
      code,
      values: {
        minutes,
        hours: minutes / 60,
        address: row.purpose === 'undo_email_change' ? email : row.email,
      },
    };
  }

  private async newDevice(read: Read, sessionId: string, mailbox: Mailbox): Promise<Content | null> {
    const session = await this.sessions.origin(read, sessionId);
    if (session?.userId !== mailbox.userId) return null;
    const { userAgent, ipAddress } = session;
    return {
      to: own(mailbox),
      values: { device: deviceName(userAgent) ?? '—', network: ipAddress ?? '—' },
    };
  }
}

const own = ({ name, email }: Mailbox): Content['to'] => ({ name, address: email });

/** Only a proven address is told, and only while it is the account's. */
function changeAsked(row: AccountTokenRow | null, mailbox: Mailbox): Content | null {
  if (!row || !mailbox.isVerified || row.boundKey !== mailbox.emailKey) return null;
  return { to: own(mailbox), languages: row.acceptLanguage, values: { address: row.email } };
}

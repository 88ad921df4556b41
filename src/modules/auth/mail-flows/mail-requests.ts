import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import type { Mailbox } from '../../users/index.js';
import { ACCOUNT_CHANNEL } from '../auth.events.js';
import { AccountTokens, type TokenWish } from './account-tokens.service.js';

/** No answer comes before this, so that the little that may differ in work cannot be seen in time. */
export const ANSWER_FLOOR_MS = 300;

/** Who a request for a mail is about, or why nobody. */
export type Addressee =
  { readonly mailbox: Mailbox; readonly reason: null } | { readonly mailbox: null; readonly reason: string };

/**
 * Requests that strangers may make about any address (ASVS 6.3.8). Known or unknown, verified or not, too often or
 * for the first time: the same statements are run in one transaction, and the answer comes after the same time. What
 * became of it only the audit trail knows, and the mailbox.
 */
@Injectable()
export class MailRequests {
  constructor(
    private readonly database: Database,
    private readonly tokens: AccountTokens,
    private readonly events: Events,
    private readonly audit: AuditService,
  ) {}

  /** Finds out whom it is about and asks for the mail. */
  async ofStranger(
    action: string,
    event: string,
    emailKey: string,
    purpose: TokenWish['purpose'],
    addressee: (tx: Tx) => Promise<Addressee>,
  ): Promise<void> {
    await afterFloor(async () => {
      await this.database.system(action).tx(async (tx) => {
        const { mailbox, reason } = await addressee(tx);
        const email = mailbox?.email ?? emailKey;
        const wish = { userId: mailbox?.userId ?? null, purpose, email, emailKey, boundKey: emailKey };
        const sent = await this.ask(tx, event, wish);
        await this.audit.record(tx, {
          actor: null,
          action,
          ...(mailbox ? { resource: { type: 'user', id: mailbox.userId } } : {}),
          result: sent ? 'success' : 'failure',
          details: sent ? {} : { reason: reason ?? 'too_many_mails' },
        });
      });
    });
  }

  /** Whether a mail will be sent. Joins the caller's transaction. */
  async ask(tx: Tx, event: string, wish: TokenWish): Promise<boolean> {
    const tokenId = await this.tokens.ask(tx, wish);
    // Also for nobody: an event of no user and no code, which no mail follows.
    const userId = tokenId === null ? null : wish.userId;
    await this.events.record(tx, [
      { type: event, channel: ACCOUNT_CHANNEL, userId, subjectId: userId, data: { tokenId } },
    ]);
    return tokenId !== null;
  }
}

/** What the work gives, but not before the floor; an error neither. */
export async function afterFloor<T>(work: () => Promise<T>): Promise<T> {
  const [outcome] = await Promise.allSettled([work(), sleep(ANSWER_FLOOR_MS)]);
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { createHmac, randomBytes, type KeyObject } from 'node:crypto';
import type { Demands, Identity, UserActor } from '../../../kernel/auth/index.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { AccountHooks } from '../../users/index.js';
import { ApiKeyAuthenticator } from '../api-keys/api-key-authenticator.js';
import { PassportAuthenticator } from '../sessions/passport-authenticator.js';
import { TicketsRepository, type SpentTicket } from './tickets.repository.js';
import type { NewTicketIn, TicketView } from './tickets.schema.js';

const LIFE_SECONDS = 60;
const FORM = /^stwt_[A-Za-z0-9_-]{43}$/;

/**
 * One-use tickets, for what a browser opens by an address and cannot give a header: event streams, downloads (ASVS
 * 14.2.1). A ticket works once, within a minute, on GET routes that take tickets, and stands for the session or key
 * it was made with: what that may not do it may not do either, and when that has ended it is worth nothing.
 *
 * The first presentation spends it, whatever comes of it: a ticket that was seen in the wrong place is used up.
 */
@Injectable()
export class TicketsService implements OnModuleInit {
  private readonly hashKey: KeyObject;

  constructor(
    keyring: Keyring,
    private readonly database: Database,
    private readonly tickets: TicketsRepository,
    private readonly sessions: PassportAuthenticator,
    private readonly keys: ApiKeyAuthenticator,
    private readonly accounts: AccountHooks,
  ) {
    this.hashKey = keyring.derive('ticket hash');
  }

  onModuleInit(): void {
    this.accounts.register({
      module: 'auth, tickets',
      erased: (tx, userId) => this.tickets.deleteAll(tx, userId),
    });
  }

  async issue(actor: UserActor, { path }: NewTicketIn): Promise<TicketView> {
    const ticket = `stwt_${randomBytes(32).toString('base64url')}`;
    const row = {
      userId: actor.userId,
      sessionId: actor.type === 'user' ? actor.sessionId : null,
      keyId: actor.type === 'api_key' ? actor.keyId : null,
      hash: this.hash(ticket),
      path: path ?? null,
      seconds: LIFE_SECONDS,
    };
    await this.database.as(actor).tx((tx) => this.tickets.insert(tx, row));
    return { ticket, expiresIn: LIFE_SECONDS };
  }

  /**
   * Who made the ticket, as if they asked for `path` themselves. `UserError` 401: `ticket_invalid` for one that is
   * unknown, spent, expired or for another path; what the session or the key says when it has ended.
   */
  async redeem(ticket: string, path: string, demands: Demands): Promise<Identity> {
    const spent = FORM.test(ticket) ? await this.spend(ticket) : null;
    if (!spent || spent.expired || (spent.path !== null && spent.path !== path))
      throw UserError.unauthenticated(
        'ticket_invalid',
        'This ticket was used before, has expired or is for another address.',
      );
    const { userId, sessionId, keyId } = spent;
    if (sessionId !== null) return this.sessions.identify({ userId, sessionId }, demands);
    if (keyId !== null) return this.keys.identify(keyId);
    throw new Error('a ticket of nobody');
  }

  private spend(ticket: string): Promise<SpentTicket | null> {
    return this.database.system('authenticate').tx((tx) => this.tickets.spend(tx, this.hash(ticket)));
  }

  private hash(ticket: string): Buffer {
    return createHmac('sha256', this.hashKey).update(ticket).digest();
  }
}

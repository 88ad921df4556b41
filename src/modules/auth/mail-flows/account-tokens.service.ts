import { Injectable } from '@nestjs/common';
import { newId, type Read, type Tx } from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import { AccountTokenSecrets, TOKEN_MINUTES, parseAccountToken, type TokenPurpose } from './account-token.js';
import { AccountTokensRepository, type AccountTokenRow } from './account-tokens.repository.js';

/**
 * Mails of one purpose to one address, or for one account, within so many minutes. The time is not longer than the
 * shortest life of a code: who is refused has one in the mailbox that still works, so that a stranger who asks on
 * purpose keeps nobody out.
 */
const MAILS = 3;
const MINUTES = 30;

/** A code to be mailed. `userId` null is a request about nobody, which costs the same and leaves nothing. */
export interface TokenWish {
  readonly userId: string | null;
  readonly purpose: TokenPurpose;
  readonly email: string;
  readonly emailKey: string;
  readonly boundKey: string;
  /** Counts as a request and gives no code that works. */
  readonly stillborn?: boolean;
}

/**
 * Codes that prove that somebody reads a mailbox: 256 bits, for one purpose and one address, used once, expiring,
 * and void as soon as a newer one of the purpose is made or the account's address changes (research 2.6).
 */
@Injectable()
export class AccountTokens {
  constructor(
    private readonly tokens: AccountTokensRepository,
    private readonly secrets: AccountTokenSecrets,
  ) {}

  /**
   * The id of a new code whose mail is to be sent, or null: for nobody, or too many mails already. The statements are
   * the same in every case.
   */
  async ask(tx: Tx, wish: TokenWish): Promise<string | null> {
    const { userId, purpose, emailKey } = wish;
    await this.tokens.takeTurns(tx, emailKey, userId);
    const recent = await this.tokens.countRecent(tx, purpose, emailKey, userId, MINUTES);
    const allowed = recent < MAILS ? userId : null;
    await this.tokens.voidOpen(tx, allowed, [purpose]);
    const id = await this.insert(tx, { ...wish, userId: allowed });
    return allowed === null ? null : id;
  }

  /** The same without counting and without making older ones void: for what must reach its owner. */
  async make(tx: Tx, wish: TokenWish & { readonly userId: string }): Promise<string> {
    return this.insert(tx, wish);
  }

  /**
   * The row behind a code that could be used now. One and the same 400 for whatever is wrong with it: unknown, of
   * another purpose, used, void or expired.
   */
  async require(read: Read, text: string, purposes: readonly TokenPurpose[]): Promise<AccountTokenRow> {
    const presented = parseAccountToken(text);
    const row = presented && (await this.tokens.find(read, presented.id));
    if (!row || !this.secrets.matches(presented, row.hash) || !purposes.includes(row.purpose) || !row.isOpen)
      throw invalidToken();
    return row;
  }

  /** Uses it. The same 400 for whoever of several at the same moment comes second. */
  async use(tx: Tx, text: string, purposes: readonly TokenPurpose[]): Promise<AccountTokenRow> {
    const row = await this.require(tx, text, purposes);
    if (!(await this.tokens.spend(tx, row.id))) throw invalidToken();
    return row;
  }

  /** The code itself, for its mail; null when it is of no use any more. */
  textOf(row: AccountTokenRow): string | null {
    return row.isOpen ? this.secrets.token(row.id, row.purpose, row.nonce) : null;
  }

  private async insert(tx: Tx, { stillborn = false, ...wish }: TokenWish): Promise<string> {
    const id = newId();
    const nonce = this.secrets.nonce();
    await this.tokens.insert(tx, {
      ...wish,
      id,
      nonce,
      hash: this.secrets.hash(id, wish.purpose, nonce),
      acceptLanguage: requestedLanguage(),
      minutes: TOKEN_MINUTES[wish.purpose],
      stillborn,
    });
    return id;
  }
}

export const invalidToken = (): UserError =>
  UserError.malformed(
    'This code is wrong, has been used or has expired. Ask for a new one.',
    [],
    'token_invalid',
  );

/** What the current request says about languages, where it is well formed and names any. */
function requestedLanguage(): string | null {
  const header = requestContext.current()?.acceptLanguage ?? '';
  return /^(?=.*[A-Za-z]{2})[A-Za-z0-9\-*,;=. ]{1,100}$/.test(header) ? header : null;
}

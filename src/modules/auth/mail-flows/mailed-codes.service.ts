import { Injectable } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import { EmailAddresses } from '../../users/index.js';
import { AccountTokens, invalidToken } from './account-tokens.service.js';
import { EmailChange } from './email-change.service.js';

/** Codes that prove an address: the one the account has, or the one it is to get. */
@Injectable()
export class MailedCodes {
  constructor(
    private readonly database: Database,
    private readonly addresses: EmailAddresses,
    private readonly tokens: AccountTokens,
    private readonly changes: EmailChange,
  ) {}

  /** 400 `token_invalid`; 409 `email_taken` when somebody else took the new address meanwhile. */
  async verify(token: string): Promise<void> {
    await this.database.system('email verification').tx(async (tx) => {
      const row = await this.tokens.use(tx, token, ['verify_email', 'change_email']);
      if (row.purpose === 'change_email') return this.changes.apply(tx, row);
      if (!(await this.addresses.prove(tx, null, row.userId, row.boundKey))) throw invalidToken();
    });
  }
}

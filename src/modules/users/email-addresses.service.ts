import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import { violatedUnique, type Read, type Tx } from '../../kernel/database/index.js';
import { UserError } from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { EmailAddressesRepository, type Mailbox } from './email-addresses.repository.js';
import { emailColumns } from './users.columns.js';

/**
 * The e-mail addresses of accounts, for whoever proves or changes them. An address is only set once it is proven, so
 * setting one makes the account verified. Every change is audited in the caller's transaction, without the address.
 */
@Injectable()
export class EmailAddresses {
  constructor(
    private readonly mailboxes: EmailAddressesRepository,
    private readonly audit: AuditService,
  ) {}

  /** What makes two addresses the same one; 400 for what can be no address. */
  keyOf(email: string): string {
    return emailColumns(email).emailKey;
  }

  async of(read: Read, userId: string): Promise<Mailbox | null> {
    return this.mailboxes.find(read, userId);
  }

  /** Nobody else changes this account until the transaction ends. */
  async lockOf(tx: Tx, userId: string): Promise<Mailbox | null> {
    return this.mailboxes.findForUpdate(tx, userId);
  }

  async ownerOf(read: Read, key: string): Promise<Mailbox | null> {
    return this.mailboxes.findByKey(read, key);
  }

  /** False when the account's address is another one by now. `actor` is null for somebody who is not signed in. */
  async prove(tx: Tx, actor: Actor | null, userId: string, key: string): Promise<boolean> {
    if (!(await this.mailboxes.setVerified(tx, userId, key))) return false;
    await this.record(tx, actor, userId, 'user.verify_email');
    return true;
  }

  /** 409 `email_taken` when somebody else has the address, whoever of several at the same moment comes first. */
  async change(tx: Tx, actor: Actor | null, userId: string, email: string): Promise<void> {
    try {
      await this.mailboxes.setEmail(tx, userId, email, this.keyOf(email));
    } catch (error) {
      if (violatedUnique(error) !== 'users_email_key_unique') throw error;
      throw UserError.conflict('email_taken', 'This e-mail address is already in use.');
    }
    await this.record(tx, actor, userId, 'user.change_email');
  }

  private async record(tx: Tx, actor: Actor | null, userId: string, action: string): Promise<void> {
    await this.audit.record(tx, { actor, action, resource: { type: 'user', id: userId } });
  }
}

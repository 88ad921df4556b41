import { Injectable } from '@nestjs/common';
import type { Tx } from '../../../kernel/database/index.js';
import { EmailAddresses } from '../../users/index.js';
import { VERIFICATION_ASKED } from './account-mail.events.js';
import { MailRequests, type Addressee } from './mail-requests.js';

/** Asking people to prove that the address of their account is theirs. Until then the account can be used, unverified. */
@Injectable()
export class EmailVerification {
  constructor(
    private readonly addresses: EmailAddresses,
    private readonly requests: MailRequests,
  ) {}

  /** In the transaction that makes the account. */
  async ofNewAccount(tx: Tx, userId: string): Promise<void> {
    const mailbox = await this.addresses.of(tx, userId);
    if (!mailbox || mailbox.isVerified) return;
    const { email, emailKey } = mailbox;
    const wish = { userId, purpose: 'verify_email', email, emailKey, boundKey: emailKey } as const;
    await this.requests.ask(tx, VERIFICATION_ASKED, wish);
  }

  /** 400 for what can be no address; otherwise nothing tells whether a mail was sent. */
  async resend(email: string): Promise<void> {
    const key = this.addresses.keyOf(email);
    await this.requests.ofStranger(
      'auth.resend_verification',
      VERIFICATION_ASKED,
      key,
      'verify_email',
      async (tx): Promise<Addressee> => {
        const mailbox = await this.addresses.ownerOf(tx, key);
        if (!mailbox) return { mailbox: null, reason: 'unknown_address' };
        if (!mailbox.isActive) return { mailbox: null, reason: 'inactive' };
        if (mailbox.isVerified) return { mailbox: null, reason: 'verified_already' };
        return { mailbox, reason: null };
      },
    );
  }
}

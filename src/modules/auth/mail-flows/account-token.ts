import { Injectable } from '@nestjs/common';
import { createHmac, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { Keyring } from '../../../kernel/crypto/index.js';

/** What a mailed code is good for. It does nothing else: the purpose is part of what the code is derived from. */
export const TOKEN_PURPOSES = [
  'verify_email',
  'reset_password',
  'change_email',
  'undo_email_change',
] as const;
export type TokenPurpose = (typeof TOKEN_PURPOSES)[number];

/** How long each is valid, in minutes (research 2.6). */
export const TOKEN_MINUTES: Readonly<Record<TokenPurpose, number>> = {
  verify_email: 24 * 60,
  reset_password: 30,
  change_email: 24 * 60,
  undo_email_change: 72 * 60,
};

export interface PresentedToken {
  readonly id: string;
  readonly secret: string;
}

const FORM = /^at\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/;

/** The parts of `at.<id>.<secret>`, or null for any other text. */
export function parseAccountToken(text: string): PresentedToken | null {
  const [, id, secret] = FORM.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/**
 * Makes and recognises mailed codes. The 256-bit secret is derived from the row's id, purpose and nonce, so that it
 * can be made when the mail is written and stands in no row, no queue and no log. Stored is a keyed hash: neither it
 * nor the nonce gives a code to somebody who has read the database.
 */
@Injectable()
export class AccountTokenSecrets {
  private readonly secretKey: KeyObject;
  private readonly hashKey: KeyObject;

  constructor(keyring: Keyring) {
    this.secretKey = keyring.derive('account token secret');
    this.hashKey = keyring.derive('account token hash');
  }

  nonce(): Buffer {
    return randomBytes(32);
  }

  token(id: string, purpose: TokenPurpose, nonce: Buffer): string {
    return `at.${id}.${this.secret(id, purpose, nonce)}`;
  }

  hash(id: string, purpose: TokenPurpose, nonce: Buffer): Buffer {
    return this.hashOf(this.secret(id, purpose, nonce));
  }

  matches(presented: PresentedToken, stored: Buffer): boolean {
    return timingSafeEqual(this.hashOf(presented.secret), stored);
  }

  private hashOf(secret: string): Buffer {
    return createHmac('sha256', this.hashKey).update(secret).digest();
  }

  private secret(id: string, purpose: TokenPurpose, nonce: Buffer): string {
    return createHmac('sha256', this.secretKey).update(`${id}|${purpose}|`).update(nonce).digest('base64url');
  }
}

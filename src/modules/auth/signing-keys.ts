import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/**
 * The keys of one deployment, each for one purpose, derived from the one signing secret: knowing one tells nothing
 * about the others. KeyObjects, because verifying with a text key costs fifty times more per request.
 */
export class SigningKeys {
  /** Signs access tokens. */
  readonly access: KeyObject;
  /** Derives the secret part of refresh tokens. */
  readonly refreshSecret: KeyObject;
  /** Hashes refresh tokens for storage. */
  readonly refreshHash: KeyObject;

  constructor(secret: string) {
    this.access = derive(secret, 'access token');
    this.refreshSecret = derive(secret, 'refresh token secret');
    this.refreshHash = derive(secret, 'refresh token hash');
  }
}

function derive(secret: string, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `steward v1 ${purpose}`, 32)));
}

import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/**
 * The keys of one deployment, each for one purpose, derived from the one signing secret: knowing one tells nothing
 * about the others. KeyObjects, because verifying with a text key costs fifty times more per request.
 */
export class Keyring {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** 256 bits. The same purpose always gives the same key; keep what you are given instead of asking again. */
  derive(purpose: string): KeyObject {
    return createSecretKey(Buffer.from(hkdfSync('sha256', this.#secret, '', `steward v1 ${purpose}`, 32)));
  }
}

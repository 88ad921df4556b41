import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What was to be opened is damaged, belongs elsewhere, or was sealed with another key. */
export class SealBrokenError extends Error {
  constructor() {
    super('A stored secret cannot be opened: it is damaged or was sealed with another STEWARD_SECRET.');
  }
}

/**
 * Keeps secrets that must be readable again, such as the seed of a second factor: AES-256-GCM, a fresh nonce each
 * time (ASVS 11.3.2). `place` says what the secret belongs to, for example `totp <user id>`: sealed for one place
 * it cannot be opened for another, so a row copied over somebody else's is of no use.
 *
 * The form is version (1 byte), nonce (12), tag (16), ciphertext.
 */
export class SecretBox {
  constructor(private readonly key: KeyObject) {}

  seal(secret: Buffer, place: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    cipher.setAAD(Buffer.from(place));
    const body = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body]);
  }

  /** Throws `SealBrokenError`. */
  open(sealed: Buffer, place: string): Buffer {
    const head = 1 + NONCE_BYTES + TAG_BYTES;
    if (sealed.length < head || sealed[0] !== VERSION) throw new SealBrokenError();
    const decipher = createDecipheriv('aes-256-gcm', this.key, sealed.subarray(1, 1 + NONCE_BYTES));
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, head));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(head)), decipher.final()]);
    } catch {
      throw new SealBrokenError();
    }
  }
}

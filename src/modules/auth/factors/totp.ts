import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';

/** What every authenticator understands; many ignore other values in the address and show wrong codes (RFC 6238). */
const FORM = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** As long as the output of SHA-1 (RFC 4226, section 4). */
const SECRET_BYTES = 20;

/** Steps a phone's clock may be off, either way. */
const DRIFT = 1;

const ISSUER = 'Steward';

export const newTotpSecret = (): Buffer => randomBytes(SECRET_BYTES);

/** The secret for typing, and the address that authenticators read as a QR code. */
export function enrolmentOf(secret: Buffer, account: string): { secret: string; otpauthUri: string } {
  const totp = new TOTP({ ...FORM, issuer: ISSUER, label: account, secret: secretOf(secret) });
  return { secret: totp.secret.base32, otpauthUri: totp.toString() };
}

/**
 * Number of the 30 s step whose code this is, null when it is none of now, the one before or the one after. Compared
 * in constant time by the library. Whoever accepts it has to see to it that each step counts once.
 */
export function stepOf(secret: Buffer, code: string, now: Date): number | null {
  // The library throws for letters of several bytes.
  if (!/^[0-9]{6}$/.test(code)) return null;
  const timestamp = now.getTime();
  const delta = TOTP.validate({ ...FORM, secret: secretOf(secret), token: code, timestamp, window: DRIFT });
  return delta === null ? null : TOTP.counter({ period: FORM.period, timestamp }) + delta;
}

const secretOf = (bytes: Buffer): Secret => new Secret({ buffer: Uint8Array.from(bytes).buffer });

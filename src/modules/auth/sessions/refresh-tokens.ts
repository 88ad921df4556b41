import { Injectable } from '@nestjs/common';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { SigningKeys } from './signing-keys.js';

export interface PresentedRefreshToken {
  readonly sessionId: string;
  /** Which token of its session it is, from 0. */
  readonly counter: number;
  readonly secret: string;
}

const FORM = /^rt\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})$/;

/** The parts of `rt.<session>.<counter>.<secret>`, or null for any other text. */
export function parseRefreshToken(text: string): PresentedRefreshToken | null {
  const [, sessionId, counter, secret] = FORM.exec(text) ?? [];
  if (sessionId === undefined || counter === undefined || secret === undefined) return null;
  return { sessionId, counter: Number(counter), secret };
}

/**
 * What to do with a genuine refresh token. `current` is exchanged; `repeat`, the one before within the time of
 * grace, gets the same successor again because its answer may have got lost; any other one was used twice, by its
 * owner and a thief. A counter of the future only exists when the database was set back to an older backup.
 */
export function verdictOn(
  presented: number,
  session: { readonly counter: number; readonly rotatedRecently: boolean },
): 'current' | 'repeat' | 'reuse' | 'unknown' {
  if (presented === session.counter) return 'current';
  if (presented > session.counter) return 'unknown';
  return presented === session.counter - 1 && session.rotatedRecently ? 'repeat' : 'reuse';
}

/**
 * Makes and recognises refresh tokens. The secret part is derived from session, counter and the session's nonce, so
 * a token can be made again without being stored; the nonce keeps it unguessable for the life of one session only.
 * Stored is a keyed hash (C18): neither it nor the nonce gives a token to somebody who has read the database.
 */
@Injectable()
export class RefreshTokens {
  constructor(private readonly keys: SigningKeys) {}

  nonce(): Buffer {
    return randomBytes(32);
  }

  token(sessionId: string, counter: number, nonce: Buffer): string {
    return `rt.${sessionId}.${counter}.${this.secret(sessionId, counter, nonce)}`;
  }

  hash(sessionId: string, counter: number, nonce: Buffer): Buffer {
    return createHmac('sha256', this.keys.refreshHash)
      .update(this.secret(sessionId, counter, nonce))
      .digest();
  }

  /** Whether we made this token, for this session, at some time. */
  isGenuine({ sessionId, counter, secret }: PresentedRefreshToken, nonce: Buffer): boolean {
    return timingSafeEqual(Buffer.from(secret), Buffer.from(this.secret(sessionId, counter, nonce)));
  }

  private secret(sessionId: string, counter: number, nonce: Buffer): string {
    return createHmac('sha256', this.keys.refreshSecret)
      .update(`${sessionId}|${counter}|`)
      .update(nonce)
      .digest('base64url');
  }
}

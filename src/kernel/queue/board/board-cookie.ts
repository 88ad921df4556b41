import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { SessionActor } from '../../auth/actor.js';

/** After this time an admin takes a new ticket. The session and the role are looked at with every request anyway. */
export const BOARD_SECONDS = 1_800;
const NAME = 'steward_queues';
export const BOARD_PATH = '/admin/queues';
/** Ours have about 300 characters; what is longer is not worth a look at its signature. */
const MAX_CHARACTERS = 1_024;

const content = z.strictObject({ userId: z.uuid(), sessionId: z.uuid(), expires: z.number() });

/**
 * Says which session of an admin has entered the board, in place of the header that a browser cannot send. It is
 * signed and stands for nothing by itself: whether the session stands is asked again. HttpOnly, for this path and for
 * requests from our own pages only, and good for nothing but looking.
 */
export class BoardCookie {
  constructor(private readonly key: KeyObject) {}

  /** The header `Set-Cookie`. */
  issue({ userId, sessionId }: SessionActor, now: Date, isSecure: boolean): string {
    const expires = now.getTime() + BOARD_SECONDS * 1000;
    const text = Buffer.from(JSON.stringify({ userId, sessionId, expires })).toString('base64url');
    const value = `${text}.${this.sign(text).toString('base64url')}`;
    return `${NAME}=${value}; Max-Age=${BOARD_SECONDS}; Path=${BOARD_PATH}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
  }

  /** Null for a header without the cookie, and for one that is not ours, altered or expired. */
  read(header: string | undefined, now: Date): SessionActor | null {
    const pairs = (header ?? '').split(';').map((pair) => pair.trim());
    const value = pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1);
    if (value === undefined || value.length > MAX_CHARACTERS) return null;
    const [text = '', signature = '', ...more] = value.split('.');
    if (more.length > 0 || !this.isSigned(text, signature)) return null;
    const { userId, sessionId, expires } = content.parse(
      JSON.parse(Buffer.from(text, 'base64url').toString('utf8')),
    );
    return expires > now.getTime() ? { type: 'user', userId, sessionId, role: 'admin' } : null;
  }

  private isSigned(text: string, signature: string): boolean {
    const wanted = this.sign(text);
    const given = Buffer.from(signature, 'base64url');
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  private sign(text: string): Buffer {
    return createHmac('sha256', this.key).update(text).digest();
  }
}

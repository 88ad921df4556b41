import type { StoredEvent } from '../../kernel/realtime/index.js';
import { LOGIN_GUESSED, REFRESH_REUSED } from '../auth/index.js';
import { DAYS, type Notice } from './notice.js';

interface Text {
  readonly title: string;
  readonly message: string;
  /** What the event is about, and so the key of its id in the notification. */
  readonly subject: 'sessionId' | 'userId';
}

/** What is told about each event of an account. */
const TEXTS: Readonly<Record<string, Text>> = {
  [REFRESH_REUSED]: {
    title: 'One of your sessions was ended for your safety',
    message:
      'Its refresh token was used a second time, so somebody else may have had a copy of it. ' +
      'Log in again there, and change your password if you do not know how that could happen.',
    subject: 'sessionId',
  },
  [LOGIN_GUESSED]: {
    title: 'Somebody is guessing your password',
    message:
      'There were so many wrong logins to your account that further ones have to wait. ' +
      'From a device on which you have logged in before you still can.',
    subject: 'userId',
  },
};

export const ACCOUNT_EVENTS: readonly string[] = Object.keys(TEXTS);

/** Important and told one by one. Null for what is told about otherwise, and for the account of nobody. */
export function accountNoticeOf({ id, type, userId, subjectId }: StoredEvent): Notice | null {
  const text = Object.hasOwn(TEXTS, type) ? TEXTS[type] : undefined;
  if (!text || userId === null) return null;
  return {
    eventId: id,
    userId,
    type,
    title: text.title,
    message: text.message,
    data: { [text.subject]: subjectId },
    priority: 'high',
    expiresInDays: DAYS,
    scheduleToReplace: null,
  };
}

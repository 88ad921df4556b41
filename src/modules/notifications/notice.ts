import type { NotificationPriority } from './notification.entity.js';

/** A notification that an event calls for. */
export interface Notice {
  readonly eventId: string;
  readonly userId: string;
  readonly type: string;
  readonly title: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly priority: NotificationPriority;
  readonly expiresInDays: number;
  /** An unread notification of the same user, type and schedule is brought up to date instead of adding another. */
  readonly scheduleToReplace: string | null;
}

/** How long a notification is kept unless it is of little interest. */
export const DAYS = 30;

const MAX_TITLE = 255;
const MAX_MESSAGE = 2_000;

export const titleOf = (text: string): string => cut(text, MAX_TITLE);
export const messageOf = (text: string): string => cut(text, MAX_MESSAGE);

/** A character that is cut in two is no text the database takes. */
const cut = (text: string, max: number): string => text.slice(0, max).toWellFormed();

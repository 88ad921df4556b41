import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import {
  EMAIL_CHANGED,
  EMAIL_CHANGE_ASKED,
  FACTOR_ADDED,
  FACTOR_REMOVED,
  NEW_DEVICE_USED,
  PASSWORD_CHANGED,
  PASSWORD_RESET_ASKED,
  RECOVERY_CODES_RENEWED,
  RECOVERY_CODE_USED,
  VERIFICATION_ASKED,
  type AccountMailName,
  type AccountMailRequest,
} from '../auth/index.js';

/** Which mails each event calls for. */
const MAILS: Readonly<Record<string, readonly AccountMailName[]>> = {
  [VERIFICATION_ASKED]: ['verify-email'],
  [PASSWORD_RESET_ASKED]: ['reset-password'],
  [EMAIL_CHANGE_ASKED]: ['confirm-new-email', 'email-change-asked'],
  [EMAIL_CHANGED]: ['email-changed'],
  [PASSWORD_CHANGED]: ['password-changed'],
  [NEW_DEVICE_USED]: ['new-device'],
  [FACTOR_ADDED]: ['second-factor-added'],
  [FACTOR_REMOVED]: ['second-factor-removed'],
  [RECOVERY_CODE_USED]: ['recovery-code-used'],
  [RECOVERY_CODES_RENEWED]: ['recovery-codes-renewed'],
};

export const MAILED_EVENTS: readonly string[] = Object.keys(MAILS);

const eventData = z.looseObject({ tokenId: z.string().nullable().optional() });

/** None for an event about nobody, which is recorded so that nothing tells it from one about somebody. */
export function mailsOf({ type, userId, subjectId, data }: StoredEvent): AccountMailRequest[] {
  if (userId === null) return [];
  const { tokenId } = eventData.parse(data);
  return (MAILS[type] ?? []).map((mail) => ({ mail, userId, subjectId: tokenId ?? subjectId }));
}

/**
 * A UUIDv7 of the event's own time whose other bits follow from event and mail: whoever delivers the event again
 * finds the job there already (rule 7).
 */
export function jobIdOf(eventId: string, mail: AccountMailName): string {
  const random = createHash('sha256').update(`${eventId}|${mail}`).digest('hex');
  const variant = ((parseInt(random.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return `${eventId.slice(0, 13)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

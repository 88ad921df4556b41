import { z } from 'zod';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { SCHEDULE_PAUSED } from '../schedules/index.js';
import { DAYS, messageOf, titleOf, type Notice } from './notice.js';

const schedulePausedData = z.object({
  name: z.string(),
  reason: z.enum(['timing_invalid', 'failures']),
  note: z.string(),
});

/**
 * A schedule that has paused itself: nothing of it runs until somebody resumes it, so it is told as important. Null
 * for one of nobody. Throws when the event is not of the known form.
 */
export function pausedNoticeOf({ id, userId, subjectId, data }: StoredEvent): Notice | null {
  if (userId === null) return null;
  const { name, reason, note } = schedulePausedData.parse(data);
  return {
    eventId: id,
    userId,
    type: SCHEDULE_PAUSED,
    title: titleOf(`The schedule ${name} has paused itself`),
    message: messageOf(`${note} Nothing of it runs until it is resumed.`),
    data: { scheduleId: subjectId, reason },
    priority: 'high',
    expiresInDays: DAYS,
    scheduleToReplace: null,
  };
}

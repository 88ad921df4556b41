import { z } from 'zod';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { SCHEDULE_PAUSED } from '../schedules/index.js';
import type { Notice } from './job-ended.js';

const schedulePausedData = z.object({
  name: z.string(),
  reason: z.enum(['timing_invalid', 'failures']),
  note: z.string(),
});

const MAX_TITLE = 255;
const MAX_MESSAGE = 2_000;
const DAYS = 30;

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
    title: cut(`The schedule ${name} has paused itself`, MAX_TITLE),
    message: cut(`${note} Nothing of it runs until it is resumed.`, MAX_MESSAGE),
    data: { scheduleId: subjectId, reason },
    priority: 'high',
    expiresInDays: DAYS,
    scheduleToReplace: null,
  };
}

const cut = (text: string, max: number): string => text.slice(0, max).toWellFormed();

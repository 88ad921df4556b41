import { z } from 'zod';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { JOB_ENDED_EVENTS } from '../jobs/index.js';
import { DAYS, messageOf, titleOf, type Notice } from './notice.js';
import type { NotificationPriority } from './notification.entity.js';

const jobEndedData = z.object({
  type: z.string(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  scheduleId: z.string().nullable(),
  error: z.string().nullish(),
});

export const NOTIFIED_EVENTS: readonly string[] = JOB_ENDED_EVENTS;

const DAYS_WHEN_LOW = 7;

/**
 * What the end of a job tells its owner; null for a job of nobody. Failures are important and told one by one. A
 * schedule's successes are of little interest and many: the latest one replaces the previous unread one.
 * Throws when the event is not of the known form.
 */
export function noticeOf({ id, type, userId, subjectId, data }: StoredEvent): Notice | null {
  if (userId === null) return null;
  const job = jobEndedData.parse(data);
  const priority = priorityOf(job);
  const repeated = job.status === 'completed' && job.scheduleId !== null;
  return {
    eventId: id,
    userId,
    type,
    title: titleOf(`${job.type} ${job.status}`),
    message: messageOf(textOf(job)),
    data: { jobId: subjectId, jobType: job.type, scheduleId: job.scheduleId },
    priority,
    expiresInDays: priority === 'low' ? DAYS_WHEN_LOW : DAYS,
    scheduleToReplace: repeated ? job.scheduleId : null,
  };
}

function priorityOf({ status, scheduleId }: z.output<typeof jobEndedData>): NotificationPriority {
  if (status === 'failed') return 'high';
  return status === 'completed' && scheduleId === null ? 'normal' : 'low';
}

function textOf({ type, status, scheduleId, error }: z.output<typeof jobEndedData>): string {
  const job = scheduleId === null ? `The job ${type}` : `A scheduled job ${type}`;
  return status === 'failed' ? `${job} failed: ${error || 'no reason was given'}` : `${job} was ${status}.`;
}

import { z } from 'zod';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { SCHEDULER_RECOVERED, SCHEDULER_STALLED } from '../schedules/index.js';
import { DAYS, messageOf, type Notice } from './notice.js';

export const ADMIN_EVENTS: readonly string[] = [SCHEDULER_STALLED, SCHEDULER_RECOVERED];

const stalled = z.object({ reason: z.string() });
const recovered = z.object({ seconds: z.number() });

/** What concerns the installation, for each of its admins. Throws when the event is not of the known form. */
export function adminNoticesOf(event: StoredEvent, admins: readonly string[]): Notice[] {
  const text = textOf(event);
  return admins.map((userId) => ({
    eventId: event.id,
    userId,
    type: event.type,
    ...text,
    data: { incidentId: event.subjectId },
    expiresInDays: DAYS,
    scheduleToReplace: null,
  }));
}

function textOf({ type, data }: StoredEvent): Pick<Notice, 'title' | 'message' | 'priority'> {
  if (type === SCHEDULER_STALLED) {
    const { reason } = stalled.parse(data);
    const message = `Schedules do not run when they should: ${reason}.`;
    return { title: 'Schedules are late', message: messageOf(message), priority: 'high' };
  }
  const { seconds } = recovered.parse(data);
  return {
    title: 'Schedules are on time again',
    message: `It took ${Math.ceil(seconds / 60)} min. What was missed is in the ledger of each schedule.`,
    priority: 'normal',
  };
}

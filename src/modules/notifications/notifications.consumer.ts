import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../../kernel/database/index.js';
import {
  EventConsumer,
  EventDelivery,
  Events,
  type NewEvent,
  type StoredEvent,
} from '../../kernel/realtime/index.js';
import { SCHEDULE_PAUSED } from '../schedules/index.js';
import { UsersService } from '../users/index.js';
import { ACCOUNT_EVENTS, accountNoticeOf } from './account-events.js';
import { ADMIN_EVENTS, adminNoticesOf } from './admin-events.js';
import { NOTIFIED_EVENTS, noticeOf } from './job-ended.js';
import type { Notice } from './notice.js';
import { NOTIFICATION_CREATED, NOTIFICATIONS_CHANNEL } from './notifications.events.js';
import { NotificationsRepository, type Told } from './notifications.repository.js';
import { pausedNoticeOf } from './schedule-paused.js';

/** Also a schedule of nobody that has paused itself. */
const concernsAdmins = ({ type, userId }: StoredEvent): boolean =>
  ADMIN_EVENTS.includes(type) || (type === SCHEDULE_PAUSED && userId === null);

function noticeFor(event: StoredEvent): Notice | null {
  if (ADMIN_EVENTS.includes(event.type)) return null;
  if (ACCOUNT_EVENTS.includes(event.type)) return accountNoticeOf(event);
  return event.type === SCHEDULE_PAUSED ? pausedNoticeOf(event) : noticeOf(event);
}

/**
 * Turns the ends of jobs, what happened to an account, schedules that have paused themselves, and what admins have to
 * know, into notifications, each exactly once, and records that it did in the same transaction so that the user's
 * clients are told at once.
 */
@Injectable()
export class NotificationsConsumer extends EventConsumer implements OnModuleInit {
  readonly name = 'notifications';
  readonly types = [...NOTIFIED_EVENTS, ...ACCOUNT_EVENTS, ...ADMIN_EVENTS, SCHEDULE_PAUSED];
  override readonly hearsQuiet = false;

  constructor(
    private readonly delivery: EventDelivery,
    private readonly notifications: NotificationsRepository,
    private readonly events: Events,
    private readonly users: UsersService,
  ) {
    super();
  }

  onModuleInit(): void {
    this.delivery.register(this);
  }

  async handle(tx: Tx, events: readonly StoredEvent[]): Promise<void> {
    const forAdmins = events.filter(concernsAdmins);
    const admins = forAdmins.length > 0 ? await this.users.activeAdmins(tx) : [];
    const notices = [
      ...events.map(noticeFor).filter((notice) => notice !== null),
      ...forAdmins.flatMap((event) =>
        event.type === SCHEDULE_PAUSED
          ? admins.flatMap((userId) => pausedNoticeOf({ ...event, userId }) ?? [])
          : adminNoticesOf(event, admins),
      ),
    ];
    const told = await this.notifications.insert(
      tx,
      notices.filter(({ scheduleToReplace }) => scheduleToReplace === null),
    );
    for (const notice of notices)
      if (notice.scheduleToReplace !== null)
        told.push(...(await this.replaceOrInsert(tx, notice, notice.scheduleToReplace)));
    await this.events.record(tx, told.map(createdEvent));
  }

  private async replaceOrInsert(tx: Tx, notice: Notice, scheduleId: string): Promise<Told[]> {
    const replaced = await this.notifications.replaceUnread(tx, notice, scheduleId);
    return replaced ? [replaced] : this.notifications.insert(tx, [notice]);
  }
}

const createdEvent = ({ id, userId, type, title, priority }: Told): NewEvent => ({
  type: NOTIFICATION_CREATED,
  channel: NOTIFICATIONS_CHANNEL,
  userId,
  subjectId: id,
  data: { type, title, priority },
});

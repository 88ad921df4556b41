import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../kernel/auth/index.js';
import { Database, toPage, type Page } from '../../kernel/database/index.js';
import { UserError } from '../../kernel/http/index.js';
import type { NotificationEntity } from './notification.entity.js';
import { NotificationsRepository } from './notifications.repository.js';
import type {
  MarkReadBody,
  NotificationChanges,
  NotificationView,
  NotificationsQuery,
} from './notifications.schema.js';

/**
 * A user's own notifications. Somebody else's are answered as if they did not exist, also to admins: what a person
 * was told is theirs. Expired ones are never shown.
 */
@Injectable()
export class NotificationsService {
  constructor(
    private readonly database: Database,
    private readonly notifications: NotificationsRepository,
  ) {}

  async list(actor: UserActor, filter: NotificationsQuery): Promise<Page<NotificationView>> {
    return toPage(
      await this.notifications.page(this.database.as(actor).read, actor.userId, filter),
      filter.limit,
      toNotificationView,
    );
  }

  async countUnread(actor: UserActor): Promise<{ count: number }> {
    return { count: await this.notifications.countUnread(this.database.as(actor).read, actor.userId) };
  }

  async change(actor: UserActor, id: string, changes: NotificationChanges): Promise<NotificationView> {
    const changed = await this.database
      .as(actor)
      .tx(async (tx) =>
        (await this.notifications.change(tx, actor.userId, id, changes))
          ? this.notifications.find(tx, actor.userId, id)
          : null,
      );
    if (!changed) throw UserError.notFound('notification');
    return toNotificationView(changed);
  }

  async remove(actor: UserActor, id: string): Promise<void> {
    if (!(await this.database.as(actor).tx((tx) => this.notifications.remove(tx, actor.userId, id))))
      throw UserError.notFound('notification');
  }

  /** Ids of others, and of what is not there, are passed over: marking is for those the caller sees. */
  async markRead(actor: UserActor, which: MarkReadBody): Promise<{ marked: number }> {
    const marked = await this.database
      .as(actor)
      .tx((tx) =>
        'ids' in which
          ? this.notifications.markRead(tx, actor.userId, which.ids)
          : this.notifications.markReadUpTo(tx, actor.userId, which.upTo),
      );
    return { marked };
  }
}

export function toNotificationView(row: NotificationEntity): NotificationView {
  return {
    id: row.id,
    type: row.type,
    title: row.title,
    message: row.message,
    data: row.data,
    priority: row.priority,
    isRead: row.isRead,
    isArchived: row.isArchived,
    readAt: row.readAt?.toISOString() ?? null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

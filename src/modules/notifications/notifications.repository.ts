import { Injectable } from '@nestjs/common';
import { LessThan, Raw, type FindOptionsWhere } from 'typeorm';
import {
  entities,
  execute,
  newId,
  query,
  queryOne,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import type { Notice } from './notice.js';
import { NotificationEntity, type NotificationPriority } from './notification.entity.js';
import type { NotificationChanges, NotificationsQuery } from './notifications.schema.js';

/** What was written for a notice, enough to tell the clients. */
export interface Told {
  readonly id: string;
  readonly userId: string;
  readonly type: string;
  readonly title: string;
  readonly priority: NotificationPriority;
}

const TOLD = `id, user_id as "userId", type, title, priority`;
const NOT_EXPIRED = `(expires_at is null or expires_at > now())`;
const OPEN = `user_id = $1 and read_at is null and not is_archived and ${NOT_EXPIRED}`;

/** Rows of `notifications`. Every read and change names the user; expired ones are as good as gone. */
@Injectable()
export class NotificationsRepository {
  /** Newest first, one more than the limit so that the caller knows whether there is another page. */
  async page(read: Read, userId: string, filter: NotificationsQuery): Promise<NotificationEntity[]> {
    const common: FindOptionsWhere<NotificationEntity> = {
      userId,
      expiresAt: Raw((column) => `(${column} is null or ${column} > now())`),
    };
    if (filter.cursor !== undefined) common.id = LessThan(filter.cursor);
    if (filter.isRead !== undefined) common.isRead = filter.isRead;
    if (filter.isArchived !== undefined) common.isArchived = filter.isArchived;
    if (filter.priority !== undefined) common.priority = filter.priority;
    if (filter.type !== undefined) common.type = filter.type;
    return entities(read, NotificationEntity).find({
      where: common,
      order: { id: 'desc' },
      take: filter.limit + 1,
    });
  }

  async countUnread(read: Read, userId: string): Promise<number> {
    const row = await queryOne<{ count: number }>(
      read,
      `select count(*)::int as count from notifications where ${OPEN}`,
      [userId],
    );
    return row!.count;
  }

  async find(read: Read, userId: string, id: string): Promise<NotificationEntity | null> {
    return entities(read, NotificationEntity).findOneBy({ id, userId });
  }

  /** False when the user has no such notification. The first reading counts: reading again keeps its time. */
  async change(
    tx: Tx,
    userId: string,
    id: string,
    { isRead, isArchived }: NotificationChanges,
  ): Promise<boolean> {
    const touched = await execute(
      tx,
      `update notifications
          set read_at = case $3::boolean when true then coalesce(read_at, now()) when false then null else read_at end,
              is_archived = coalesce($4, is_archived)
        where user_id = $1 and id = $2 and ${NOT_EXPIRED}`,
      [userId, id, isRead ?? null, isArchived ?? null],
    );
    return touched === 1;
  }

  async remove(tx: Tx, userId: string, id: string): Promise<boolean> {
    return (
      (await execute(tx, `delete from notifications where user_id = $1 and id = $2`, [userId, id])) === 1
    );
  }

  /** How many were unread until now. */
  async markRead(tx: Tx, userId: string, ids: readonly string[]): Promise<number> {
    return execute(tx, `update notifications set read_at = now() where ${OPEN} and id = any ($2::uuid[])`, [
      userId,
      ids,
    ]);
  }

  /** Marks `upTo` and all that came before it. */
  async markReadUpTo(tx: Tx, userId: string, upTo: string): Promise<number> {
    return execute(tx, `update notifications set read_at = now() where ${OPEN} and id <= $2`, [userId, upTo]);
  }

  /**
   * Adds one notification for each, except where the event was told to its user before, and for those who are
   * erased: events of before are delivered after. The lock makes that certain while an erasure is under way.
   */
  async insert(tx: Tx, notices: readonly Notice[]): Promise<Told[]> {
    return query<Told>(
      tx,
      `insert into notifications (id, user_id, event_id, type, title, message, data, priority, expires_at)
       select one.id, one.user_id, one.event_id, one.type, one.title, one.message, one.data::jsonb, one.priority,
              now() + make_interval(days => one.days)
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[])
              as one (id, user_id, event_id, type, title, message, data, priority, days)
         join users on users.id = one.user_id and users.deleted_at is null
          for key share of users
       on conflict (user_id, event_id) do nothing returning ${TOLD}`,
      [
        notices.map(() => newId()),
        notices.map((notice) => notice.userId),
        notices.map((notice) => notice.eventId),
        notices.map((notice) => notice.type),
        notices.map((notice) => notice.title),
        notices.map((notice) => notice.message),
        notices.map((notice) => JSON.stringify(notice.data)),
        notices.map((notice) => notice.priority),
        notices.map((notice) => notice.expiresInDays),
      ],
    );
  }

  /**
   * Brings the newest unread notification of the same user, type and schedule up to date and counts in
   * `data.count` how many it stands for; null when there is none, so that the caller adds one.
   */
  async replaceUnread(tx: Tx, notice: Notice, scheduleId: string): Promise<Told | null> {
    return queryOne<Told>(
      tx,
      `update notifications
          set event_id = $3, title = $4, message = $5, priority = $7,
              data = $6::jsonb || jsonb_build_object('count', coalesce((data->>'count')::int, 1) + 1),
              expires_at = now() + make_interval(days => $8)
        where id = (select id from notifications
                     where ${OPEN} and type = $2 and data->>'scheduleId' = $9
                     order by id desc limit 1 for update)
        returning ${TOLD}`,
      [
        notice.userId,
        notice.type,
        notice.eventId,
        notice.title,
        notice.message,
        notice.data,
        notice.priority,
        notice.expiresInDays,
        scheduleId,
      ],
    );
  }
}

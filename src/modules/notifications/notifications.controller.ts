import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import { Returns, ReturnsNothing, idParam } from '../../kernel/http/index.js';
import {
  markReadBody,
  markedCount,
  notificationChanges,
  notificationPage,
  notificationView,
  notificationsQuery,
  unreadCount,
  type MarkReadBody,
  type NotificationChanges,
  type NotificationView,
  type NotificationsQuery,
} from './notifications.schema.js';
import { NotificationsService } from './notifications.service.js';

@ApiTags('Notifications')
@Controller('api/notifications')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  @Get()
  @Requires('user', 'notifications:read')
  @Returns(200, notificationPage, "The caller's notifications, newest first; expired ones never show.")
  list(
    @CurrentActor() actor: UserActor,
    @Query({ schema: notificationsQuery }) query: NotificationsQuery,
  ): Promise<Page<NotificationView>> {
    return this.notifications.list(actor, query);
  }

  @Get('unread-count')
  @Requires('user', 'notifications:read')
  @Returns(200, unreadCount, 'How many are unread and not archived.')
  unread(@CurrentActor() actor: UserActor): Promise<{ count: number }> {
    return this.notifications.countUnread(actor);
  }

  @Post('mark-read')
  @Requires('user', 'notifications:write')
  @Returns(
    200,
    markedCount,
    'Marks the given ones, or `upTo` and all before it; answers how many were unread.',
  )
  markRead(
    @CurrentActor() actor: UserActor,
    @Body({ schema: markReadBody }) body: MarkReadBody,
  ): Promise<{ marked: number }> {
    return this.notifications.markRead(actor, body);
  }

  @Patch(':id')
  @Requires('user', 'notifications:write')
  @Returns(200, notificationView, 'The notification after the change.')
  change(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Body({ schema: notificationChanges }) body: NotificationChanges,
  ): Promise<NotificationView> {
    return this.notifications.change(actor, id, body);
  }

  @Delete(':id')
  @Requires('user', 'notifications:write')
  @ReturnsNothing('The notification is gone.')
  async remove(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
  ): Promise<void> {
    await this.notifications.remove(actor, id);
  }
}

import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { UsersModule } from '../users/index.js';
import { NotificationEntity } from './notification.entity.js';
import { NotificationsAccountRepository } from './notifications-account.repository.js';
import { NotificationsAccount } from './notifications.account.js';
import { NotificationsConsumer } from './notifications.consumer.js';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsRepository } from './notifications.repository.js';
import { NotificationsService } from './notifications.service.js';

@Module({
  imports: [UsersModule, TypeOrmModule.forFeature([NotificationEntity])],
  controllers: [NotificationsController],
  providers: [
    NotificationsService,
    NotificationsRepository,
    NotificationsConsumer,
    NotificationsAccount,
    NotificationsAccountRepository,
  ],
})
export class NotificationsModule {}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, everyRow } from '../../kernel/database/index.js';
import { AccountHooks } from '../users/index.js';
import { NotificationsAccountRepository } from './notifications-account.repository.js';
import { toNotificationView } from './notifications.service.js';

/** Notifications of people who leave or ask for their data. */
@Injectable()
export class NotificationsAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly notifications: NotificationsAccountRepository,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'notifications',
      erased: (tx, userId) => this.notifications.removeAll(tx, userId),
      exported: (userId) => [{ name: 'notifications', rows: this.everyOne(userId) }],
    });
  }

  private async *everyOne(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const row of everyRow((after, limit) => this.notifications.after(read, userId, after, limit)))
      yield toNotificationView(row);
  }
}

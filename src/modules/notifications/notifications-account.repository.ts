import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { entities, execute, type Read, type Tx } from '../../kernel/database/index.js';
import { NotificationEntity } from './notification.entity.js';

/** The notifications of one person as a whole, expired ones too. */
@Injectable()
export class NotificationsAccountRepository {
  async removeAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from notifications where user_id = $1`, [userId]);
  }

  async after(read: Read, userId: string, after: string, limit: number): Promise<NotificationEntity[]> {
    return entities(read, NotificationEntity)
      .createQueryBuilder('notification')
      .where({ userId })
      .andWhere({ id: MoreThan(after) })
      .orderBy('notification.id')
      .limit(limit)
      .getMany();
  }
}

import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { entities, execute, query, type Read, type Tx } from '../../kernel/database/index.js';
import { ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotEntity } from './schedule-slot.entity.js';

/** The schedules of one person as a whole. */
@Injectable()
export class SchedulesAccountRepository {
  /** The slots go with their rules. A rule of somebody else that this person has paused stays paused. */
  async removeAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from schedule_rules where user_id = $1`, [userId]);
    await execute(tx, `update schedule_rules set paused_by = null where paused_by = $1`, [userId]);
  }

  async after(read: Read, userId: string, after: string, limit: number): Promise<ScheduleRuleEntity[]> {
    return entities(read, ScheduleRuleEntity)
      .createQueryBuilder('rule')
      .where({ userId })
      .andWhere({ id: MoreThan(after) })
      .orderBy('rule.id')
      .limit(limit)
      .getMany();
  }

  async slotsAfter(read: Read, ruleId: string, after: string, limit: number): Promise<ScheduleSlotEntity[]> {
    return query<ScheduleSlotEntity>(
      read,
      `select id, rule_id as "ruleId", scheduled_for as "scheduledFor", outcome, cause, reason, job_id as "jobId",
              due_at as "dueAt", decided_at as "decidedAt", created_at as "createdAt" from schedule_slots
        where rule_id = $1 and id > $2 order by id limit $3`,
      [ruleId, after, limit],
    );
  }
}

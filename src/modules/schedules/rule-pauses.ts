import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import type { Tx } from '../../kernel/database/index.js';
import { Events } from '../../kernel/realtime/index.js';
import { AuditService } from '../audit/index.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotsRepository } from './schedule-slots.repository.js';
import { SCHEDULE_PAUSED, SCHEDULES_CHANNEL, type SchedulePausedData } from './schedules.events.js';
import { SchedulesRepository, type CountedRule } from './schedules.repository.js';

const SCHEDULER: Actor = { type: 'system', name: 'scheduler' };

export type PauseReason = 'owner_inactive' | 'timing_invalid' | 'failures';

/** Pauses that nobody asked for: of rules that cannot or should not go on until a person has looked at them. */
@Injectable()
export class RulePauses {
  constructor(
    private readonly rules: SchedulesRepository,
    private readonly slots: ScheduleSlotsRepository,
    private readonly events: Events,
    private readonly audit: AuditService,
  ) {}

  /**
   * Of a rule that this transaction holds. What waits does not fire any more. An owner who can still do something
   * about it is told.
   */
  async pause(
    tx: Tx,
    rule: Pick<ScheduleRuleEntity, 'id' | 'userId' | 'name'>,
    reason: PauseReason,
    note: string,
    failures: number | null = null,
  ): Promise<void> {
    await this.slots.pauseWaiting(tx, rule.id, reason);
    await this.rules.advance(tx, rule.id, {
      isActive: false,
      nextRunAt: null,
      lookAt: null,
      pausedNote: note,
      ...(reason !== 'failures' && { lastError: note }),
    });
    await this.record(tx, rule.id, 'schedule.pause', { reason, ...(failures !== null && { failures }) });
    if (reason === 'owner_inactive') return;
    const data: SchedulePausedData = { name: rule.name, reason, note };
    await this.events.record(tx, [
      { type: SCHEDULE_PAUSED, channel: SCHEDULES_CHANNEL, userId: rule.userId, subjectId: rule.id, data },
    ]);
  }

  async record(tx: Tx, id: string, action: string, details: Record<string, unknown>): Promise<void> {
    await this.audit.record(tx, { actor: SCHEDULER, action, resource: { type: 'schedule', id }, details });
  }

  /**
   * Keeps how many failures in a row a rule has that this transaction holds, and pauses it when there are too many.
   * Answers whether it goes on.
   */
  async keepStreak(tx: Tx, rule: CountedRule, failureStreak: number): Promise<boolean> {
    const { pauseAfterFailures } = rule;
    if (pauseAfterFailures === null || failureStreak === rule.failureStreak) return true;
    await this.rules.advance(tx, rule.id, { failureStreak });
    if (!rule.isActive || failureStreak < pauseAfterFailures) return true;
    const times = failureStreak === 1 ? 'once' : `${failureStreak} times in a row`;
    await this.pause(tx, rule, 'failures', `It has failed ${times}.`, failureStreak);
    return false;
  }
}

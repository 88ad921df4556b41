import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../../kernel/database/index.js';
import { EventConsumer, EventDelivery, type StoredEvent } from '../../kernel/realtime/index.js';
import { JOB_ENDED_EVENTS } from '../jobs/index.js';
import { RulePauses } from './rule-pauses.js';
import { SchedulesRepository, type AttentiveRule } from './schedules.repository.js';

type End = 'completed' | 'failed' | 'cancelled';

/**
 * What the ends of its jobs mean for a rule: a slot that waits for one is looked at at once, and failures in a row
 * are counted, each exactly once. A success begins the count anew; a cancelled job says nothing. Whoever has made the
 * job, and however often it was retried by hand, every end of it counts.
 *
 * The rules are locked first and looked at then: a tick that has found the job open and lets a slot wait for it holds
 * the same lock, so its slot is seen here, or the end of the job was seen there.
 */
@Injectable()
export class ScheduleJobEnds extends EventConsumer implements OnModuleInit {
  readonly name = 'schedules';
  readonly types = [...JOB_ENDED_EVENTS];
  /** Of all the jobs there are, those of rules. */
  override readonly onlyWith = 'scheduleId';

  constructor(
    private readonly delivery: EventDelivery,
    private readonly rules: SchedulesRepository,
    private readonly pauses: RulePauses,
  ) {
    super();
  }

  onModuleInit(): void {
    this.delivery.register(this);
  }

  async handle(tx: Tx, events: readonly StoredEvent[]): Promise<void> {
    const endsOf = new Map<string, End[]>();
    for (const { data } of events) {
      const { scheduleId, status } = data as { scheduleId?: string | null; status: End };
      if (scheduleId) endsOf.set(scheduleId, [...(endsOf.get(scheduleId) ?? []), status]);
    }
    if (endsOf.size === 0) return;
    const attentive = await this.rules.lockAttentive(tx, [...endsOf.keys()]);
    await this.rules.ring(
      tx,
      attentive.filter(({ waits }) => waits).map(({ id }) => id),
    );
    for (const rule of attentive)
      if (rule.pauseAfterFailures !== null) await this.count(tx, rule, endsOf.get(rule.id) ?? []);
  }

  private async count(tx: Tx, rule: AttentiveRule, ends: readonly End[]): Promise<void> {
    let streak = rule.failureStreak;
    for (const end of ends) {
      if (end === 'completed') streak = 0;
      if (end === 'failed') streak += 1;
      // Pauses at this one, whatever else had begun before it.
      if (end === 'failed' && streak >= (rule.pauseAfterFailures ?? Infinity)) break;
    }
    await this.pauses.keepStreak(tx, rule, streak);
  }
}

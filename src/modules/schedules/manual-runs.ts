import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../kernel/auth/index.js';
import { Database, type Tx } from '../../kernel/database/index.js';
import { Idempotency, UserError, type OnceRequest } from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { CalendarDays } from './calendars/calendar-days.js';
import { nextAfter } from './core/index.js';
import { RuleOwners } from './rule-owners.js';
import { parseRule, runsLeft } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotsRepository } from './schedule-slots.repository.js';
import { toSlotView } from './schedule.view.js';
import { SchedulesRepository } from './schedules.repository.js';
import type { SlotView } from './schedules.schema.js';
import { SchedulesService, ownerInactive } from './schedules.service.js';
import { SlotFiring, pauseBetweenLooks } from './slot-firing.js';

/**
 * Runs of a rule by hand, also while it is paused or has ended, and on days that it leaves out. They act for the
 * owner, are in the ledger with cause `manual`, respect the overlap policy (409 `schedule_overlap`, or the slot waits
 * where the policy says so), and count neither towards `maxRuns` nor move the next planned run.
 */
@Injectable()
export class ManualRuns {
  constructor(
    private readonly database: Database,
    private readonly schedules: SchedulesService,
    private readonly rules: SchedulesRepository,
    private readonly slots: ScheduleSlotsRepository,
    private readonly owners: RuleOwners,
    private readonly days: CalendarDays,
    private readonly firing: SlotFiring,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
  ) {}

  async run(actor: UserActor, id: string, once: OnceRequest | null): Promise<SlotView> {
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const rule = await this.schedules.visibleForUpdate(tx, actor, id);
        const owner = await this.owners.actorFor(tx, rule);
        if (owner === null) throw ownerInactive();
        const now = await this.rules.now(tx);
        const slotId = await this.freeSlot(tx, rule, now);
        const slot = { id: slotId, cause: 'manual', waitsFor: null } as const;
        const parked = await this.slots.parked(tx, id);
        const fired = await this.firing.fire(tx, rule, owner, [...parked, slot]);
        if (fired.ends.some((end) => end.id === slotId && end.outcome === 'skipped_overlap'))
          throw UserError.conflict('schedule_overlap', 'A job of this schedule has not ended yet.');
        await this.rules.advance(tx, id, {
          runCount: rule.runCount + fired.runs,
          ...(runsLeft(rule) - fired.runs <= 0 && { nextRunAt: null }),
          lookAt: await this.slots.nextLook(tx, id, pauseBetweenLooks(rule)),
          ...(fired.jobs > 0 && { lastRunAt: new Date(now), lastError: null }),
        });
        const resource = { type: 'schedule', id };
        const made = await this.slots.find(tx, slotId);
        if (!made) throw new Error(`slot ${slotId} vanished inside its own transaction`);
        const { jobId } = made;
        await this.audit.record(tx, { actor, action: 'schedule.run', resource, details: { jobId } });
        return toSlotView(made);
      }),
    );
  }

  /** At this millisecond or soon after, leaving free what is planned: that slot must still be able to fire. */
  private async freeSlot(tx: Tx, rule: ScheduleRuleEntity, now: number): Promise<string> {
    const timing = parseRule(rule, await this.days.of(tx, [rule]));
    for (let at = now; ; at += 1) {
      if (timing.ok && nextAfter(timing.rule, at - 1) === at) continue;
      const slots = [{ scheduledFor: at, outcome: 'fired', cause: 'manual' } as const];
      const [slot] = await this.slots.insert(tx, rule.id, slots);
      if (slot) return slot.id;
    }
  }
}

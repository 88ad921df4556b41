import { Injectable } from '@nestjs/common';
import { Database, isUnreachable, yieldedToOthers, type Tx } from '../../kernel/database/index.js';
import { AppError } from '../../kernel/http/index.js';
import { Log } from '../../kernel/log/index.js';
import { CalendarDays, type KnownDays } from './calendars/calendar-days.js';
import type { DuePlan } from './core/index.js';
import {
  Stopped,
  cursorAfter,
  cursorColumns,
  isDue,
  plan,
  slotOf,
  toWrite,
  type Planned,
} from './planned-rule.js';
import { RuleOwners } from './rule-owners.js';
import { RulePauses } from './rule-pauses.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import {
  ScheduleSlotsRepository,
  type NewSlot,
  type SlotEnd,
  type WaitingSlot,
  type WrittenSlot,
} from './schedule-slots.repository.js';
import { SchedulesRepository } from './schedules.repository.js';
import { SLOTS_PER_LOOK, SlotFiring, pauseBetweenLooks, type DueSlot } from './slot-firing.js';
import { SlotsTogether } from './slots-together.js';
import type { NextDue } from './tick-pause.js';
import { ScheduleMetrics } from './watch/schedule-metrics.js';

/** Rules one transaction takes: so that it stays short. */
const RULES_PER_BATCH = 500;
/** Of them, those that need statements of their own. */
const ALONE_PER_BATCH = 100;

/** What a rule leaves to do: whether something of it is due at once. */
type More = boolean;

/**
 * Turns due instants into slots and jobs, each exactly once (flow B), on the database's clock. The slots, their
 * jobs and the advanced cursor of a rule commit together, so a crash at any point leaves either all or nothing.
 * Any number of processes may do it at once: a rule belongs to the one that has locked it, and the ledger's
 * unique key refuses a slot that is there.
 *
 * What is ordinary is written for all rules together (`SlotsTogether`), the others one by one. A rule that fails does
 * not touch the others of its batch: its own writes are undone, its slots are recorded as failed, and its cursor moves
 * on.
 */
@Injectable()
export class SlotMaterialiser {
  private readonly log: Log;

  constructor(
    private readonly database: Database,
    private readonly rules: SchedulesRepository,
    private readonly slots: ScheduleSlotsRepository,
    private readonly owners: RuleOwners,
    private readonly days: CalendarDays,
    private readonly firing: SlotFiring,
    private readonly pauses: RulePauses,
    private readonly together: SlotsTogether,
    private readonly metrics: ScheduleMetrics,
    log: Log,
  ) {
    this.log = log.area('scheduler');
  }

  /** When something is due next; null when nothing is to come. */
  async nextDue(): Promise<NextDue | null> {
    return this.rules.nextDue(this.database.system('schedule ticks').read);
  }

  /** Plans one batch of due rules; true when more is due already. Rejects, with nothing written, when the database is gone. */
  async batch(): Promise<More> {
    return this.database.system('schedule ticks').tx(async (tx) => {
      const now = await this.rules.startOf(tx);
      const resumed = await this.rules.resumePaused(tx, RULES_PER_BATCH);
      for (const id of resumed) await this.pauses.record(tx, id, 'schedule.resume', { reason: 'pause_over' });
      const due = await this.rules.claimDue(tx, RULES_PER_BATCH);
      const looks = await this.rules.claimLooks(tx, ALONE_PER_BATCH);
      const dueIds = new Set(due.map(({ id }) => id));
      const rules = [...due, ...looks.filter(({ id }) => !dueIds.has(id))];
      const days = await this.days.of(tx, rules);
      const done = await this.together.materialise(tx, due, days, now);
      const alone = rules.filter(({ id }) => !done.has(id));
      let more = resumed.length === RULES_PER_BATCH || due.length === RULES_PER_BATCH;
      if (looks.length === ALONE_PER_BATCH || alone.length > ALONE_PER_BATCH) more = true;
      if ([...done.values()].includes(true)) more = true;
      for (const rule of alone.slice(0, ALONE_PER_BATCH))
        if (await this.materialise(tx, rule, days, now)) more = true;
      return more;
    });
  }

  private async materialise(tx: Tx, rule: ScheduleRuleEntity, days: KnownDays, now: number): Promise<More> {
    let planned: Planned | null;
    try {
      planned = plan(rule, days, now);
    } catch (error) {
      return this.stop(tx, rule, [], new Stopped('timing_invalid', messageOf(error)), error);
    }
    await this.rules.savepoint(tx);
    try {
      const more = await this.fire(tx, rule, planned, now);
      await this.rules.releaseSavepoint(tx);
      return more;
    } catch (error) {
      if (isUnreachable(error)) throw error;
      await this.rules.rollbackToSavepoint(tx);
      if (error instanceof Stopped) return this.stop(tx, rule, planned?.plan.slots ?? [], error, error);
      return yieldedToOthers(error) ? this.defer(rule, error) : this.fail(tx, rule, planned, error);
    }
  }

  private async fire(tx: Tx, rule: ScheduleRuleEntity, planned: Planned | null, now: number): Promise<More> {
    const owner = await this.owners.actorFor(tx, rule);
    if (owner === null) throw new Stopped('owner_inactive', 'Its owner is deactivated or deleted.');
    const { slots, catchUpAt } = toWrite(rule, planned?.plan.slots ?? [], now);
    const written = await this.slots.insert(tx, rule.id, slots);
    const ready = await this.ready(tx, rule);
    const slotsInOrder = inOrder(ready, written);
    const fired = await this.firing.fire(tx, rule, owner, slotsInOrder);
    const waits =
      rule.lookAt !== null || [...written, ...fired.ends].some(({ outcome }) => outcome === 'waiting');
    const next = cursorAfter(rule, planned, fired.runs);
    const lookAt = waits ? await this.nextLook(tx, rule, ready.length, now) : null;
    await this.rules.advance(tx, rule.id, {
      ...cursorColumns(rule, planned, next),
      lookAt,
      catchUpAt,
      runCount: rule.runCount + fired.runs,
      ...(fired.jobs > 0 && { lastRunAt: new Date(now), lastError: null }),
    });
    const undecided = written.filter(({ outcome }) => outcome !== 'fired');
    this.metrics.count(tx, [...undecided, ...withInstants(fired.ends, slotsInOrder)], now);
    return isDue(next, now) || isDue(lookAt, now);
  }

  /** What cannot be done now is not tried again: the next slot is the next try. */
  private async fail(
    tx: Tx,
    rule: ScheduleRuleEntity,
    planned: Planned | null,
    error: unknown,
  ): Promise<More> {
    const reason = messageOf(error);
    const slots = planned?.plan.slots ?? [];
    const details = { err: error, ruleId: rule.id, slots: slots.length };
    if (error instanceof AppError) this.log.warn(details, 'a schedule could not make its job');
    else this.log.error(details, 'a schedule failed');
    const written = await this.slots.insert(
      tx,
      rule.id,
      slots.map((slot): NewSlot => {
        const one = slotOf(slot);
        return one.outcome === 'fired' ? { ...one, outcome: 'failed', reason } : one;
      }),
    );
    const ready = await this.ready(tx, rule);
    await this.slots.settle(
      tx,
      ready.map(({ id }) => ({ id, outcome: 'failed', reason, jobId: null })),
    );
    const next = cursorAfter(rule, planned, 0);
    const lookAt = rule.lookAt && (await this.nextLook(tx, rule, ready.length, Infinity));
    await this.rules.advance(tx, rule.id, {
      ...cursorColumns(rule, planned, next),
      lookAt,
      lastError: reason,
    });
    this.metrics.count(tx, written);
    const failures = written.filter(({ outcome }) => outcome === 'failed').length + ready.length;
    const goesOn = await this.pauses.keepStreak(tx, rule, rule.failureStreak + failures);
    return goesOn && planned !== null && isDue(next, planned.now);
  }

  private async stop(
    tx: Tx,
    rule: ScheduleRuleEntity,
    slots: DuePlan['slots'],
    { reason, message }: Stopped,
    error: unknown,
  ): Promise<More> {
    if (reason === 'timing_invalid')
      this.log.error({ err: error, ruleId: rule.id }, 'a schedule cannot be planned');
    await this.slots.insert(
      tx,
      rule.id,
      slots.map(({ scheduledFor }) => ({ scheduledFor, outcome: 'paused', reason })),
    );
    await this.pauses.pause(tx, rule, reason, message);
    this.metrics.count(
      tx,
      slots.map(() => ({ outcome: 'paused' })),
    );
    return false;
  }

  /** Others were in the way for a moment: all of it is due again at the next tick. */
  private defer(rule: ScheduleRuleEntity, error: unknown): More {
    this.log.warn({ err: error, ruleId: rule.id }, 'a schedule is planned at the next tick');
    return false;
  }

  private async ready(tx: Tx, rule: ScheduleRuleEntity): Promise<WaitingSlot[]> {
    return rule.lookAt === null ? [] : this.slots.ready(tx, rule.id, SLOTS_PER_LOOK);
  }

  /** At once where more may be ready than one look takes and nothing holds them back. */
  private async nextLook(
    tx: Tx,
    rule: ScheduleRuleEntity,
    looked: number,
    now: number,
  ): Promise<Date | null> {
    const at = await this.slots.nextLook(tx, rule.id, pauseBetweenLooks(rule));
    const holdsBack = rule.overlapPolicy !== 'allow' || looked < SLOTS_PER_LOOK;
    return at === null || holdsBack || !Number.isFinite(now) ? at : new Date(now);
  }
}

type PlannedDueSlot = DueSlot & Pick<WrittenSlot, 'scheduledFor'>;

/** In the order in which they fire: what has waited, what is due, what is filled up. */
function inOrder(ready: readonly WaitingSlot[], written: readonly WrittenSlot[]): PlannedDueSlot[] {
  const fresh = written.flatMap((slot) => (slot.outcome === 'fired' ? [{ ...slot, waitsFor: null }] : []));
  const fillsUp = ({ waitsFor }: WaitingSlot): boolean => waitsFor === 'backfill';
  return [...ready.filter((slot) => !fillsUp(slot)), ...fresh, ...ready.filter(fillsUp)];
}

/** With the instants by which it is measured how late they are; a backfill is late because somebody wants it to be. */
function withInstants(
  ends: readonly SlotEnd[],
  slots: readonly PlannedDueSlot[],
): { outcome: string; scheduledFor?: number }[] {
  const known = new Map(slots.map((slot) => [slot.id, slot]));
  return ends.map(({ id, outcome }) => {
    const slot = known.get(id);
    return slot && slot.cause !== 'backfill' ? { outcome, scheduledFor: slot.scheduledFor } : { outcome };
  });
}

/** For the rule's owner: what a client may see of an error. */
function messageOf(error: unknown): string {
  const known = error instanceof AppError || error instanceof Stopped;
  return known ? error.message.slice(0, 1000) : 'Something went wrong on our side; the log says more.';
}

import { Injectable } from '@nestjs/common';
import { Database, isUnreachable, yieldedToOthers, type Tx } from '../../kernel/database/index.js';
import { AppError } from '../../kernel/http/index.js';
import { Log } from '../../kernel/log/index.js';
import { TZ_VERSION } from '../../kernel/time/index.js';
import { CalendarDays, type KnownDays } from './calendars/calendar-days.js';
import { nextAfter, planDue, type DuePlan, type PlannedSlot, type TimingRule } from './core/index.js';
import { RuleOwners } from './rule-owners.js';
import { RulePauses, type PauseReason } from './rule-pauses.js';
import { dateOf, describeErrors, parseRule, runsLeft } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import {
  ScheduleSlotsRepository,
  type NewSlot,
  type WaitingSlot,
  type WrittenSlot,
} from './schedule-slots.repository.js';
import { SchedulesRepository, type RuleAdvance } from './schedules.repository.js';
import { SLOTS_PER_LOOK, SlotFiring, pauseBetweenLooks, type DueSlot } from './slot-firing.js';

/** Rules one transaction takes, and slots it writes for each: so that it stays short after a long downtime. */
const RULES_PER_BATCH = 100;
const SLOTS_PER_RULE = 200;

/** Up to this late a slot is not missed: a restart must not make a rule skip its run. */
export const GRACE_SECONDS = 60;

/** A rule that cannot go on until a person has looked at it. */
class Stopped extends Error {
  constructor(
    readonly reason: Exclude<PauseReason, 'failures'>,
    message: string,
  ) {
    super(message);
  }
}

interface Planned {
  readonly timing: TimingRule;
  readonly plan: DuePlan;
  /** Epoch ms at which it was made. */
  readonly now: number;
}

/** What a rule leaves to do: whether something of it is due at once. */
type More = boolean;

/**
 * Turns due instants into slots and jobs, each exactly once (flow B), on the database's clock. The slots, their
 * jobs and the advanced cursor of a rule commit together, so a crash at any point leaves either all or nothing.
 * Any number of processes may do it at once: a rule belongs to the one that has locked it, and the ledger's
 * unique key refuses a slot that is there.
 *
 * A rule that fails does not touch the others of its batch: its own writes are undone, its slots are recorded as
 * failed, and its cursor moves on.
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
    log: Log,
  ) {
    this.log = log.area('scheduler');
  }

  /** Plans one batch of due rules; true when more is due already. Rejects, with nothing written, when the database is gone. */
  async batch(): Promise<More> {
    return this.database.system('schedule ticks').tx(async (tx) => {
      const now = await this.rules.startOf(tx);
      const resumed = await this.rules.resumePaused(tx, RULES_PER_BATCH);
      for (const id of resumed) await this.pauses.record(tx, id, 'schedule.resume', { reason: 'pause_over' });
      const due = await this.rules.claimDue(tx, RULES_PER_BATCH);
      const looks = await this.rules.claimLooks(tx, RULES_PER_BATCH);
      const rules = [...due, ...looks.filter(({ id }) => due.every((other) => other.id !== id))];
      const days = await this.days.of(tx, rules);
      let more = [resumed, due, looks].some(({ length }) => length === RULES_PER_BATCH);
      for (const rule of rules) if (await this.materialise(tx, rule, days, now)) more = true;
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
    const fired = await this.firing.fire(tx, rule, owner, inOrder(ready, written));
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

/** Null for a rule of which only waiting slots are to be looked at. */
function plan(rule: ScheduleRuleEntity, days: KnownDays, now: number): Planned | null {
  if (!rule.isActive || !isDue(rule.nextRunAt, now)) return null;
  const parsed = parseRule(rule, days);
  if (!parsed.ok) throw new Stopped('timing_invalid', describeErrors(parsed.errors));
  const cursor = {
    nextRunAt: rule.nextRunAt?.getTime() ?? now,
    runCount: rule.runCount,
    maxRuns: rule.maxRuns,
  };
  const policy = { missed: rule.missedPolicy, missedMax: rule.missedMax, graceSeconds: GRACE_SECONDS };
  return { timing: parsed.rule, plan: planDue(parsed.rule, cursor, now, policy, SLOTS_PER_RULE), now };
}

const isDue = (at: Date | null, now: number): boolean => at !== null && at.getTime() <= now;

const OUTCOME_OF = {
  fire: { outcome: 'fired' },
  catch_up: { outcome: 'fired', cause: 'catch_up' },
  skip_missed: { outcome: 'skipped_missed' },
  exclude: { outcome: 'excluded' },
} as const;

const slotOf = ({ scheduledFor, action }: PlannedSlot): NewSlot => ({ scheduledFor, ...OUTCOME_OF[action] });

/** What is planned, as it goes into the ledger: of those that are caught up on with a distance, all but the first wait. */
function toWrite(
  rule: ScheduleRuleEntity,
  planned: readonly PlannedSlot[],
  now: number,
): { slots: NewSlot[]; catchUpAt: Date | null } {
  const spacing = rule.missedPolicy === 'run_all' ? rule.missedSpacingSeconds * 1000 : 0;
  let last = rule.catchUpAt?.getTime() ?? -Infinity;
  const slots = planned.map((slot): NewSlot => {
    if (slot.action !== 'catch_up' || spacing === 0) return slotOf(slot);
    last = Math.max(now, last + spacing);
    return last <= now
      ? slotOf(slot)
      : { ...slotOf(slot), outcome: 'waiting', reason: 'spacing', dueAt: last };
  });
  return { slots, catchUpAt: Number.isFinite(last) ? new Date(last) : null };
}

/** In the order in which they fire: what has waited, what is due, what is filled up. */
function inOrder(ready: readonly WaitingSlot[], written: readonly WrittenSlot[]): DueSlot[] {
  const fresh = written.flatMap((slot) =>
    slot.outcome === 'fired' ? [{ id: slot.id, cause: slot.cause, waitsFor: null }] : [],
  );
  const fillsUp = ({ waitsFor }: WaitingSlot): boolean => waitsFor === 'backfill';
  return [...ready.filter((slot) => !fillsUp(slot)), ...fresh, ...ready.filter(fillsUp)];
}

/**
 * The plan takes every slot it fires for a run and stops where `maxRuns` is reached; slots that made no job have
 * used none, so the rule goes on behind the last of them.
 */
function cursorAfter(rule: ScheduleRuleEntity, planned: Planned | null, runs: number): Date | null {
  if (runsLeft(rule) - runs <= 0) return null;
  if (planned === null) return rule.nextRunAt;
  const { slots, nextRunAt } = planned.plan;
  const last = slots.at(-1)?.scheduledFor;
  return dateOf(nextRunAt !== null || last === undefined ? nextRunAt : nextAfter(planned.timing, last));
}

function cursorColumns(
  rule: ScheduleRuleEntity,
  planned: Planned | null,
  nextRunAt: Date | null,
): RuleAdvance {
  const last = planned?.plan.slots.at(-1)?.scheduledFor;
  return {
    nextRunAt,
    ...(planned !== null && { tzVersion: TZ_VERSION }),
    ...(last !== undefined && last > rule.plannedTo.getTime() && { plannedTo: new Date(last) }),
  };
}

/** For the rule's owner: what a client may see of an error. */
function messageOf(error: unknown): string {
  const known = error instanceof AppError || error instanceof Stopped;
  return known ? error.message.slice(0, 1000) : 'Something went wrong on our side; the log says more.';
}

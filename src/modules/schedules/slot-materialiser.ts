import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import { Database, isUnreachable, type Tx } from '../../kernel/database/index.js';
import { AppError } from '../../kernel/http/index.js';
import { Log } from '../../kernel/log/index.js';
import { AuditService } from '../audit/index.js';
import { JobsService } from '../jobs/index.js';
import { MAX_MISSED, nextAfter, planDue, type DuePlan, type TimingRule } from './core/index.js';
import { RuleOwners } from './rule-owners.js';
import { dateOf, describeErrors, parseRule, runsLeft } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotsRepository, type NewSlot, type SlotEnd } from './schedule-slots.repository.js';
import { SchedulesRepository } from './schedules.repository.js';

/** Rules one transaction takes, and slots it writes for each: so that it stays short after a long downtime. */
const RULES_PER_BATCH = 100;
const SLOTS_PER_RULE = 200;

/** Up to this late a slot is not missed: a restart must not make a rule skip its run. */
export const GRACE_SECONDS = 60;

const SCHEDULER: Actor = { type: 'system', name: 'scheduler' };

/** A rule that cannot go on until a person has looked at it. */
class Stopped extends Error {
  constructor(
    readonly reason: 'owner_inactive' | 'timing_invalid',
    message: string,
  ) {
    super(message);
  }
}

interface Planned {
  readonly timing: TimingRule;
  readonly plan: DuePlan;
}

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
    private readonly jobs: JobsService,
    private readonly audit: AuditService,
    log: Log,
  ) {
    this.log = log.area('scheduler');
  }

  /** Plans one batch of due rules; true when more is due already. Rejects, with nothing written, when the database is gone. */
  async batch(): Promise<boolean> {
    return this.database.system('schedule ticks').tx(async (tx) => {
      const now = await this.rules.startOf(tx);
      const resumed = await this.rules.resumePaused(tx, RULES_PER_BATCH);
      for (const id of resumed) await this.recordChange(tx, id, 'schedule.resume', 'pause_over');
      const due = await this.rules.claimDue(tx, RULES_PER_BATCH);
      let more = due.length === RULES_PER_BATCH || resumed.length === RULES_PER_BATCH;
      for (const rule of due) {
        const next = await this.materialise(tx, rule, now);
        if (next !== null && next.getTime() <= now) more = true;
      }
      return more;
    });
  }

  /** The rule's new cursor. */
  private async materialise(tx: Tx, rule: ScheduleRuleEntity, now: number): Promise<Date | null> {
    let planned: Planned;
    try {
      planned = plan(rule, now);
    } catch (error) {
      return this.stop(tx, rule, [], new Stopped('timing_invalid', messageOf(error)), error);
    }
    await this.rules.savepoint(tx);
    try {
      const next = await this.fire(tx, rule, planned, now);
      await this.rules.releaseSavepoint(tx);
      return next;
    } catch (error) {
      if (isUnreachable(error)) throw error;
      await this.rules.rollbackToSavepoint(tx);
      return error instanceof Stopped
        ? this.stop(tx, rule, planned.plan.slots, error, error)
        : this.fail(tx, rule, planned, error);
    }
  }

  private async fire(
    tx: Tx,
    rule: ScheduleRuleEntity,
    { timing, plan: { slots, nextRunAt } }: Planned,
    now: number,
  ): Promise<Date | null> {
    const owner = await this.owners.actorFor(tx, rule);
    if (owner === null) throw new Stopped('owner_inactive', 'Its owner is deactivated or deleted.');
    const written = await this.slots.insert(
      tx,
      rule.id,
      slots.map(({ scheduledFor, action }) => ({
        scheduledFor,
        outcome: action === 'fire' ? 'fired' : 'skipped_missed',
      })),
    );
    const toFire = written.filter(({ outcome }) => outcome === 'fired');
    const oneAtATime = rule.overlapPolicy === 'skip';
    let busy = oneAtATime && toFire.length > 0 && (await this.jobs.hasOpenJob(tx, rule.id));
    const ends: SlotEnd[] = [];
    for (const { id } of toFire) {
      if (busy) {
        ends.push({ id, outcome: 'skipped_overlap', reason: null, jobId: null });
        continue;
      }
      const jobId = await this.jobs.createIn(tx, owner, {
        ...rule.jobTemplate,
        payload: rule.jobTemplate.payload,
        scheduleId: rule.id,
      });
      ends.push({ id, outcome: 'fired', reason: null, jobId });
      busy = oneAtATime;
    }
    await this.slots.settle(tx, ends);
    const fired = ends.filter(({ jobId }) => jobId !== null).length;
    const next = cursorAfter(rule, timing, slots.at(-1)?.scheduledFor, nextRunAt, fired);
    await this.rules.advance(tx, rule.id, {
      nextRunAt: next,
      runCount: rule.runCount + fired,
      ...(fired > 0 && { lastRunAt: new Date(now), lastError: null }),
    });
    return next;
  }

  /** What cannot be done now is not tried again: the next slot is the next try. */
  private async fail(
    tx: Tx,
    rule: ScheduleRuleEntity,
    { timing, plan: { slots, nextRunAt } }: Planned,
    error: unknown,
  ): Promise<Date | null> {
    const reason = messageOf(error);
    const details = { err: error, ruleId: rule.id, slots: slots.length };
    if (error instanceof AppError) this.log.warn(details, 'a schedule could not make its job');
    else this.log.error(details, 'a schedule failed');
    const failed = slots.map(({ scheduledFor, action }): NewSlot =>
      action === 'fire'
        ? { scheduledFor, outcome: 'failed', reason }
        : { scheduledFor, outcome: 'skipped_missed' },
    );
    await this.slots.insert(tx, rule.id, failed);
    const next = cursorAfter(rule, timing, slots.at(-1)?.scheduledFor, nextRunAt, 0);
    await this.rules.advance(tx, rule.id, { nextRunAt: next, lastError: reason });
    return next;
  }

  private async stop(
    tx: Tx,
    rule: ScheduleRuleEntity,
    slots: DuePlan['slots'],
    { reason, message }: Stopped,
    error: unknown,
  ): Promise<null> {
    if (reason === 'timing_invalid')
      this.log.error({ err: error, ruleId: rule.id }, 'a schedule cannot be planned');
    await this.slots.insert(
      tx,
      rule.id,
      slots.map(({ scheduledFor }) => ({ scheduledFor, outcome: 'paused', reason })),
    );
    await this.rules.advance(tx, rule.id, {
      isActive: false,
      nextRunAt: null,
      pausedNote: message,
      lastError: message,
    });
    await this.recordChange(tx, rule.id, 'schedule.pause', reason);
    return null;
  }

  private async recordChange(tx: Tx, id: string, action: string, reason: string): Promise<void> {
    const resource = { type: 'schedule', id };
    await this.audit.record(tx, { actor: SCHEDULER, action, resource, details: { reason } });
  }
}

function plan(rule: ScheduleRuleEntity, now: number): Planned {
  const parsed = parseRule(rule);
  if (!parsed.ok) throw new Stopped('timing_invalid', describeErrors(parsed.errors));
  const cursor = {
    nextRunAt: rule.nextRunAt?.getTime() ?? now,
    runCount: rule.runCount,
    maxRuns: rule.maxRuns,
  };
  const policy = { missed: rule.missedPolicy, missedMax: MAX_MISSED, graceSeconds: GRACE_SECONDS };
  return { timing: parsed.rule, plan: planDue(parsed.rule, cursor, now, policy, SLOTS_PER_RULE) };
}

/**
 * The plan takes every slot it fires for a run and stops where `maxRuns` is reached; slots that made no job have
 * used none, so the rule goes on behind the last of them.
 */
function cursorAfter(
  rule: ScheduleRuleEntity,
  timing: TimingRule,
  lastSlot: number | undefined,
  planned: number | null,
  fired: number,
): Date | null {
  if (runsLeft(rule) - fired <= 0) return null;
  if (planned !== null || lastSlot === undefined) return dateOf(planned);
  return dateOf(nextAfter(timing, lastSlot));
}

/** For the rule's owner: what a client may see of an error. */
function messageOf(error: unknown): string {
  const known = error instanceof AppError || error instanceof Stopped;
  return known ? error.message.slice(0, 1000) : 'Something went wrong on our side; the log says more.';
}

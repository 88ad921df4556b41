import { TZ_VERSION } from '../../kernel/time/index.js';
import type { KnownDays } from './calendars/calendar-days.js';
import { nextAfter, planDue, type DuePlan, type PlannedSlot, type TimingRule } from './core/index.js';
import { dateOf, describeErrors, parseRule, runsLeft } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { NewSlot } from './schedule-slots.repository.js';
import type { PauseReason } from './rule-pauses.js';
import type { RuleAdvance } from './schedules.repository.js';

/** Slots one transaction writes for a rule, so that it stays short after a long downtime. */
const SLOTS_PER_RULE = 200;

/** Up to this late a slot is not missed: a restart must not make a rule skip its run. */
export const GRACE_SECONDS = 60;

/** A rule that cannot go on until a person has looked at it. */
export class Stopped extends Error {
  constructor(
    readonly reason: Exclude<PauseReason, 'failures'>,
    message: string,
  ) {
    super(message);
  }
}

export interface Planned {
  readonly timing: TimingRule;
  readonly plan: DuePlan;
  /** Epoch ms at which it was made. */
  readonly now: number;
}

/** Null for a rule of which only waiting slots are to be looked at. */
export function plan(rule: ScheduleRuleEntity, days: KnownDays, now: number): Planned | null {
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

/** The last planned instant that goes into the ledger. */
export const lastOf = (planned: Planned | null): number | undefined =>
  planned?.plan.slots.at(-1)?.scheduledFor;

export const isDue = (at: Date | null, now: number): boolean => at !== null && at.getTime() <= now;

const OUTCOME_OF = {
  fire: { outcome: 'fired' },
  catch_up: { outcome: 'fired', cause: 'catch_up' },
  skip_missed: { outcome: 'skipped_missed' },
  exclude: { outcome: 'excluded' },
} as const;

export const slotOf = ({ scheduledFor, action }: PlannedSlot): NewSlot => ({
  scheduledFor,
  ...OUTCOME_OF[action],
});

/** What is planned, as it goes into the ledger: of those that are caught up on with a distance, all but the first wait. */
export function toWrite(
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

/**
 * The plan takes every slot it fires for a run and stops where `maxRuns` is reached; slots that made no job have
 * used none, so the rule goes on behind the last of them.
 */
export function cursorAfter(rule: ScheduleRuleEntity, planned: Planned | null, runs: number): Date | null {
  if (runsLeft(rule) - runs <= 0) return null;
  if (planned === null) return rule.nextRunAt;
  const { nextRunAt } = planned.plan;
  const last = lastOf(planned);
  return dateOf(nextRunAt !== null || last === undefined ? nextRunAt : nextAfter(planned.timing, last));
}

export function cursorColumns(
  rule: ScheduleRuleEntity,
  planned: Planned | null,
  nextRunAt: Date | null,
): RuleAdvance {
  const last = lastOf(planned);
  return {
    nextRunAt,
    ...(planned !== null && { tzVersion: TZ_VERSION }),
    ...(last !== undefined && last > rule.plannedTo.getTime() && { plannedTo: new Date(last) }),
  };
}

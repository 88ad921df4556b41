import { isDeepStrictEqual } from 'node:util';
import { TZ_VERSION } from '../../kernel/time/index.js';
import type { KnownDays } from './calendars/calendar-days.js';
import type { TimingRule } from './core/index.js';
import { firstRunAt, plannedTo, requireTiming, runsLeft, TIMING_FIELDS } from './rule-timing.js';
import { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { RuleChanges } from './schedules.repository.js';
import type { UpdateScheduleBody } from './schedules.schema.js';

/** Which field belongs to which type of rule. */
const FIELD_OF_TYPE = { cron: 'cronExpression', interval: 'intervalSeconds', once: 'runAt' } as const;

const NOT_PAUSED = { pausedNote: null, pausedUntil: null, pausedBy: null } as const;

/**
 * The columns that a client's changes of a rule stand for, with the planner's cursor where they move it. Throws
 * UserError 400 for a timing that cannot be. `now` is epoch ms of the database; `calendars` are those of the rule as
 * it will be.
 */
export function ruleChanges(
  before: ScheduleRuleEntity,
  changes: UpdateScheduleBody,
  calendars: KnownDays,
  now: number,
): RuleChanges {
  const columns = columnsOf(before, changes);
  const after = withColumns(before, columns);
  if (TIMING_FIELDS.some((field) => !isDeepStrictEqual(before[field], after[field]))) {
    const timing = requireTiming(after, calendars, now);
    const { cronExpression, timezone } = timing; // in their normal form
    return { ...columns, cronExpression, timezone, ...plannedAnew(after, timing, now) };
  }
  // Excluded instants stay planned, so other days leave the cursor alone.
  if (changes.exclusions) requireTiming(after, calendars, after.nextRunAt === null ? undefined : now);
  if (runsLeft(after) === 0) return { ...columns, nextRunAt: null };
  const goesOn = after.isActive !== before.isActive || runsLeft(before) === 0;
  return goesOn ? { ...columns, ...plannedAnew(after, requireTiming(after, calendars), now) } : columns;
}

/** The rule as it will be. */
export const changedRule = (before: ScheduleRuleEntity, changes: UpdateScheduleBody): ScheduleRuleEntity =>
  withColumns(before, columnsOf(before, changes));

const withColumns = (before: ScheduleRuleEntity, columns: RuleChanges): ScheduleRuleEntity =>
  Object.assign(new ScheduleRuleEntity(), before, columns);

const plannedAnew = (rule: ScheduleRuleEntity, timing: TimingRule, now: number) => ({
  nextRunAt: firstRunAt(rule, timing, now),
  plannedTo: plannedTo(rule, now),
  tzVersion: TZ_VERSION,
});

function columnsOf(before: ScheduleRuleEntity, changes: UpdateScheduleBody): RuleChanges {
  const { dstPolicy, exclusions, isActive, ...others } = changes;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const columns = Object.fromEntries(given) as RuleChanges;
  const { ruleType } = changes;
  if (ruleType !== undefined && ruleType !== before.ruleType) {
    // Of the former type; one the client has sent stays and is refused, because it would have no effect.
    const former = FIELD_OF_TYPE[before.ruleType];
    if (changes[former] === undefined) Object.assign(columns, { [former]: null });
  }
  if (dstPolicy !== undefined) columns.dstPolicy = { ...before.dstPolicy, ...dstPolicy };
  if (exclusions !== undefined) {
    const { calendarIds = before.calendarIds, ...days } = exclusions;
    Object.assign(columns, {
      calendarIds: [...new Set(calendarIds)],
      exclusions: { ...before.exclusions, ...days },
    });
  }
  if (isActive !== undefined && isActive !== before.isActive)
    Object.assign(columns, { isActive, ...NOT_PAUSED, ...(isActive && { failureStreak: 0 }) });
  return columns;
}

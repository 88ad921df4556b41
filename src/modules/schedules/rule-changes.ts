import { isDeepStrictEqual } from 'node:util';
import { firstRunAt, requireTiming, runsLeft, TIMING_FIELDS } from './rule-timing.js';
import { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { RuleChanges } from './schedules.repository.js';
import type { UpdateScheduleBody } from './schedules.schema.js';

/** Which field belongs to which type of rule. */
const FIELD_OF_TYPE = { cron: 'cronExpression', interval: 'intervalSeconds', once: 'runAt' } as const;

const NOT_PAUSED = { pausedNote: null, pausedUntil: null, pausedBy: null } as const;

/**
 * The columns that a client's changes of a rule stand for, with the planner's cursor where they move it. Throws
 * UserError 400 for a timing that cannot be. `now` is epoch ms of the database.
 */
export function ruleChanges(
  before: ScheduleRuleEntity,
  changes: UpdateScheduleBody,
  now: number,
): RuleChanges {
  const columns = columnsOf(before, changes);
  const after = Object.assign(new ScheduleRuleEntity(), before, columns);
  if (TIMING_FIELDS.some((field) => !isDeepStrictEqual(before[field], after[field]))) {
    const timing = requireTiming(after, now);
    const { cronExpression, timezone } = timing; // in their normal form
    return { ...columns, cronExpression, timezone, nextRunAt: firstRunAt(after, timing, now) };
  }
  if (runsLeft(after) === 0) return { ...columns, nextRunAt: null };
  const goesOn = after.isActive !== before.isActive || runsLeft(before) === 0;
  return goesOn ? { ...columns, nextRunAt: firstRunAt(after, requireTiming(after), now) } : columns;
}

function columnsOf(before: ScheduleRuleEntity, changes: UpdateScheduleBody): RuleChanges {
  const { dstPolicy, isActive, ...others } = changes;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const columns = Object.fromEntries(given) as RuleChanges;
  const { ruleType } = changes;
  if (ruleType !== undefined && ruleType !== before.ruleType) {
    // Of the former type; one the client has sent stays and is refused, because it would have no effect.
    const former = FIELD_OF_TYPE[before.ruleType];
    if (changes[former] === undefined) Object.assign(columns, { [former]: null });
  }
  if (dstPolicy !== undefined) columns.dstPolicy = { ...before.dstPolicy, ...dstPolicy };
  if (isActive !== undefined && isActive !== before.isActive)
    Object.assign(columns, { isActive, ...NOT_PAUSED });
  return columns;
}

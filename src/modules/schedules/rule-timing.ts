import { UserError, type FieldError } from '../../kernel/http/index.js';
import type { KnownDays } from './calendars/calendar-days.js';
import {
  nextAfter,
  nextRunAfter,
  parseTiming,
  upcoming,
  type ParsedTiming,
  type TimingError,
  type TimingRule,
} from './core/index.js';
import { fieldErrorOf } from './field-error.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { PreviewItem } from './schedules.schema.js';

/** The fields of a rule that say when it runs. A change of one of them sets the planner's cursor anew. */
export const TIMING_FIELDS = [
  'ruleType',
  'cronExpression',
  'intervalSeconds',
  'runAt',
  'timezone',
  'dstPolicy',
  'jitterSeconds',
  'startsAt',
  'endsAt',
] as const;

export type RuleTiming = Pick<
  ScheduleRuleEntity,
  (typeof TIMING_FIELDS)[number] | 'id' | 'anchorAt' | 'exclusions' | 'calendarIds'
>;

type RuleProgress = Pick<ScheduleRuleEntity, 'isActive' | 'pausedUntil' | 'maxRuns' | 'runCount'>;

/** The planner's view of a stored or requested rule. With `now` (epoch ms), one that cannot run any more is refused. */
export function parseRule(rule: RuleTiming, calendars: KnownDays, now?: number): ParsedTiming {
  const input = {
    type: rule.ruleType,
    cronExpression: rule.cronExpression,
    intervalSeconds: rule.intervalSeconds,
    runAt: rule.runAt?.getTime() ?? null,
    timezone: rule.timezone,
    dst: rule.dstPolicy,
    jitterSeconds: rule.jitterSeconds,
    jitterSeed: rule.id,
    anchorAt: rule.anchorAt.getTime(),
    startsAt: rule.startsAt?.getTime() ?? null,
    endsAt: rule.endsAt?.getTime() ?? null,
    exclusions: rule.exclusions,
    calendars: calendars.of(rule.calendarIds),
  };
  return parseTiming(input, now);
}

/** The same, for what a client asks for: 400 naming every wrong field, with what was probably meant. */
export function requireTiming(rule: RuleTiming, calendars: KnownDays, now?: number): TimingRule {
  const parsed = parseRule(rule, calendars, now);
  if (parsed.ok) return parsed.rule;
  throw UserError.fields(parsed.errors.map(toFieldError));
}

export function describeErrors(errors: readonly TimingError[]): string {
  return errors.map(({ field, message }) => `${field} ${message}`).join('; ');
}

function toFieldError({ field, code, message, suggestion }: TimingError): FieldError {
  const name = field === 'type' ? 'ruleType' : field.replace(/^dst\b/, 'dstPolicy');
  return fieldErrorOf({ field: name, message, suggestion }, code);
}

/**
 * The cursor of a new or edited rule: the first planned instant after `now`; while paused until a time, the first
 * from then on; null when nothing is to come. Instants before are not caught up on.
 */
export function firstRunAt(rule: RuleProgress, timing: TimingRule, now: number): Date | null {
  if (runsLeft(rule) <= 0) return null;
  if (!rule.isActive && rule.pausedUntil === null) return null;
  return dateOf(nextAfter(timing, plannedTo(rule, now).getTime()));
}

/** Nothing up to here is planned any more when planning begins anew now. */
export const plannedTo = (rule: Pick<RuleProgress, 'isActive' | 'pausedUntil'>, now: number): Date =>
  new Date(rule.isActive ? now : Math.max(now, (rule.pausedUntil?.getTime() ?? now) - 1));

export const runsLeft = ({ maxRuns, runCount }: Pick<RuleProgress, 'maxRuns' | 'runCount'>): number =>
  maxRuns === null ? Infinity : Math.max(0, maxRuns - runCount);

export const dateOf = (at: number | null): Date | null => (at === null ? null : new Date(at));

/** An interval's grid begins at `startsAt`, else at the second in which the rule is made. */
export const anchorOf = (startsAt: Date | null, now: number): Date =>
  startsAt ?? new Date(Math.floor(now / 1000) * 1000);

/** The planned instants at or after `from`, excluded ones too, as far as the runs that are left reach. */
export function previewOf(
  timing: TimingRule,
  from: number,
  count: number,
  runs: number = Infinity,
): PreviewItem[] {
  if (runs < 1) return [];
  const items = upcoming(timing, from - 1, count);
  let left = runs;
  const end = items.findIndex(({ note }) => note !== 'excluded' && (left -= 1) === 0);
  return (end < 0 ? items : items.slice(0, end + 1)).map(({ at, local, note }) => ({
    at: new Date(at).toISOString(),
    local,
    ...(note !== null && { note }),
  }));
}

/** The cursor as people mean it: the next instant on a day that is not excluded. */
export function nextShown(
  rule: RuleTiming & { readonly nextRunAt: Date | null },
  calendars: KnownDays,
): Date | null {
  const { nextRunAt, exclusions, calendarIds } = rule;
  const excludes = exclusions.dates.length + exclusions.weekdays.length + calendarIds.length > 0;
  if (nextRunAt === null || !excludes) return nextRunAt;
  const parsed = parseRule(rule, calendars);
  return parsed.ok ? dateOf(nextRunAfter(parsed.rule, nextRunAt.getTime() - 1)) : nextRunAt;
}

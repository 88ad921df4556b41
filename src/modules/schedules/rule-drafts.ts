import type { UserActor } from '../../kernel/auth/index.js';
import { newId } from '../../kernel/database/index.js';
import { TZ_VERSION } from '../../kernel/time/index.js';
import { DEFAULT_DST } from './core/index.js';
import { anchorOf, type RuleTiming } from './rule-timing.js';
import type { NewRuleRow } from './schedules.repository.js';
import type { CreateScheduleBody, PreviewBody } from './schedules.schema.js';
import type { SystemJob } from './system/system-rules.js';

/** With the zone that its owner means when none is named. */
type Zoned<Body> = Body & { readonly timezone: string };

/** A rule as somebody asks for it, without its next run. What is not said is what these functions say. */
export function newRule(actor: UserActor, input: Zoned<CreateScheduleBody>, now: number): NewRuleRow {
  return {
    ...timingOf(input, newId(), now),
    ...planOf(input, now),
    userId: actor.userId,
    systemKey: null,
    name: input.name,
    description: input.description ?? null,
    isActive: input.isActive ?? true,
    jobTemplate: input.jobTemplate,
  };
}

/** The rule of a job type as a release brings it along, without its next run. */
export function systemRule({ type, summary, routine }: SystemJob, now: number): NewRuleRow {
  const { cronExpression, jitterSeconds } = routine;
  const timing = { ruleType: 'cron', cronExpression, jitterSeconds, timezone: 'UTC' } as const;
  return {
    ...timingOf(timing, newId(), now),
    ...planOf({}, now),
    userId: null,
    systemKey: type,
    name: routine.name,
    description: summary,
    isActive: true,
    jobTemplate: { type, payload: {} },
  };
}

type Timing = Zoned<Omit<PreviewBody, 'from' | 'count'>>;

/** When a rule runs that is made now. */
export function timingOf(input: Timing, id: string, now: number): RuleTiming {
  const startsAt = input.startsAt ?? null;
  const { dates = [], weekdays = [], calendarIds = [] } = input.exclusions ?? {};
  return {
    id,
    ruleType: input.ruleType,
    cronExpression: input.cronExpression ?? null,
    intervalSeconds: input.intervalSeconds ?? null,
    runAt: input.runAt ?? null,
    timezone: input.timezone,
    dstPolicy: { ...DEFAULT_DST, ...input.dstPolicy },
    jitterSeconds: input.jitterSeconds ?? 0,
    startsAt,
    endsAt: input.endsAt ?? null,
    exclusions: { dates, weekdays },
    calendarIds: [...new Set(calendarIds)],
    anchorAt: anchorOf(startsAt, now),
  };
}

type Policies = Pick<
  CreateScheduleBody,
  'overlapPolicy' | 'missedPolicy' | 'missedMax' | 'missedSpacingSeconds' | 'pauseAfterFailures' | 'maxRuns'
>;

function planOf(input: Policies, now: number) {
  return {
    overlapPolicy: input.overlapPolicy ?? 'skip',
    missedPolicy: input.missedPolicy ?? 'run_once',
    missedMax: input.missedMax ?? 1000,
    missedSpacingSeconds: input.missedSpacingSeconds ?? 0,
    pauseAfterFailures: input.pauseAfterFailures ?? null,
    maxRuns: input.maxRuns ?? null,
    nextRunAt: null,
    plannedTo: new Date(now),
    tzVersion: TZ_VERSION,
  } as const;
}

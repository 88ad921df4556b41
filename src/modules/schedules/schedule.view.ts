import type { KnownDays } from './calendars/calendar-days.js';
import { nextShown } from './rule-timing.js';
import type { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { ScheduleSlotEntity } from './schedule-slot.entity.js';
import type { ScheduleView, SlotView } from './schedules.schema.js';

const instant = (at: Date | null): string | null => at?.toISOString() ?? null;

export function toScheduleView(rule: ScheduleRuleEntity, calendars: KnownDays): ScheduleView {
  const { type, payload, priority, maxRetries } = rule.jobTemplate;
  return {
    id: rule.id,
    userId: rule.userId,
    systemKey: rule.systemKey,
    name: rule.name,
    description: rule.description,
    ruleType: rule.ruleType,
    cronExpression: rule.cronExpression,
    intervalSeconds: rule.intervalSeconds,
    runAt: instant(rule.runAt),
    timezone: rule.timezone,
    jobTemplate: { type, payload, priority, maxRetries },
    overlapPolicy: rule.overlapPolicy,
    missedPolicy: rule.missedPolicy,
    missedMax: rule.missedMax,
    missedSpacingSeconds: rule.missedSpacingSeconds,
    exclusions: {
      dates: [...rule.exclusions.dates],
      weekdays: [...rule.exclusions.weekdays],
      calendarIds: rule.calendarIds,
    },
    dstPolicy: rule.dstPolicy,
    jitterSeconds: rule.jitterSeconds,
    startsAt: instant(rule.startsAt),
    endsAt: instant(rule.endsAt),
    maxRuns: rule.maxRuns,
    runCount: rule.runCount,
    pauseAfterFailures: rule.pauseAfterFailures,
    failureStreak: rule.failureStreak,
    isActive: rule.isActive,
    pausedNote: rule.pausedNote,
    pausedUntil: instant(rule.pausedUntil),
    pausedBy: rule.pausedBy,
    lastRunAt: instant(rule.lastRunAt),
    nextRunAt: instant(nextShown(rule, calendars)),
    overdueSeconds: rule.overdueSeconds,
    lastError: rule.lastError,
    createdAt: rule.createdAt.toISOString(),
    updatedAt: rule.updatedAt.toISOString(),
  };
}

export function toSlotView(slot: ScheduleSlotEntity): SlotView {
  return {
    id: slot.id,
    scheduledFor: slot.scheduledFor.toISOString(),
    outcome: slot.outcome,
    cause: slot.cause,
    reason: slot.reason,
    jobId: slot.jobId,
    dueAt: instant(slot.dueAt),
    lagMs: slot.decidedAt && Math.max(0, slot.decidedAt.getTime() - slot.scheduledFor.getTime()),
    createdAt: slot.createdAt.toISOString(),
  };
}

import { z } from 'zod';
import {
  instantIn,
  instantOut,
  nameOf,
  oneOf,
  pageOf,
  pageQuery,
  uuid,
  wholeNumberIn,
} from '../../kernel/http/index.js';
import { jobRequest } from '../jobs/index.js';
import { datesIn, weekdaysIn } from './calendars/calendars.schema.js';
import { MAX_UPCOMING, OVERLAP_POLICIES } from './core/index.js';
import { SLOT_CAUSES, SLOT_OUTCOMES } from './schedule-slot.entity.js';

const ruleType = oneOf(['cron', 'interval', 'once']);
const overlapPolicy = oneOf(OVERLAP_POLICIES).describe(
  'While a job of this schedule has not ended. skip: no other one. queue_one: the next one waits for it, further ones are skipped. cancel_previous: it is cancelled, and the next one runs when it has ended.',
);
const missedPolicy = oneOf(['skip', 'run_once', 'run_all']).describe(
  'What happens to instants that passed while no scheduler ran: none, the latest one, or the latest missedMax run.',
);
const exclusions = z.strictObject({
  dates: datesIn.optional(),
  weekdays: weekdaysIn.optional(),
  calendarIds: z.array(uuid).max(20).optional().describe("Calendars of the schedule's owner."),
});
const dstPolicy = z.strictObject({
  gap: oneOf(['run_after', 'skip'])
    .optional()
    .describe('A local time that does not exist: run right after the gap, or not at all.'),
  overlap: oneOf(['first', 'last', 'both'])
    .optional()
    .describe('A local time that comes twice: run at its first, its last or both occurrences.'),
});

// What cannot be said in a schema, such as whether a cron expression ever matches, is the matter of the planner.
const timing = {
  cronExpression: z
    .string()
    .max(100)
    .nullable()
    .optional()
    .describe('Five fields, or six with seconds first.'),
  intervalSeconds: z.number().int().min(1).max(2_147_483_647).nullable().optional(),
  runAt: instantIn.nullable().optional(),
  timezone: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("IANA name; when absent that of the caller's preferences, UTC where there is none."),
  dstPolicy: dstPolicy.optional().describe('For cron rules; run_after and first when absent.'),
  jitterSeconds: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe('Every run is late by a number of seconds below this, always the same one for a schedule.'),
  startsAt: instantIn.nullable().optional(),
  endsAt: instantIn.nullable().optional(),
  exclusions: exclusions
    .optional()
    .describe('Local days on which it does not run; its instants there are recorded as excluded.'),
};

const jobTemplate = z.strictObject({
  type: jobRequest.type,
  payload: jobRequest.payload,
  priority: jobRequest.priority,
  maxRetries: jobRequest.maxRetries,
});

/** Spaces around it are taken off. */
const name = z.string({ error: 'must be a text' }).trim().pipe(nameOf(255));
const settings = {
  description: z.string().max(4000).nullable().optional(),
  ...timing,
  overlapPolicy: overlapPolicy.optional(),
  missedPolicy: missedPolicy.optional(),
  missedMax: z.number().int().min(1).max(1000).optional().describe('For run_all; 1000 when absent.'),
  missedSpacingSeconds: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe('For run_all: so far apart run those that are caught up on; 0, at once, when absent.'),
  pauseAfterFailures: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .nullable()
    .optional()
    .describe('Pauses itself, and tells its owner, after so many failures in a row.'),
  maxRuns: z
    .number()
    .int()
    .min(1)
    .max(2_147_483_647)
    .nullable()
    .optional()
    .describe('Ends after so many jobs.'),
  isActive: z.boolean().optional(),
};

export const createScheduleBody = z.strictObject({ name, ruleType, jobTemplate, ...settings });
export type CreateScheduleBody = z.output<typeof createScheduleBody>;

export const updateScheduleBody = z.strictObject({
  name: name.optional(),
  ruleType: ruleType.optional().describe('Fields of the former type are cleared.'),
  jobTemplate: jobTemplate.optional().describe('Replaced as a whole.'),
  ...settings,
});
export type UpdateScheduleBody = z.output<typeof updateScheduleBody>;

export const listSchedulesQuery = z.strictObject({
  ...pageQuery,
  isActive: oneOf(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
  overdue: z
    .literal('true', { error: 'must be true' })
    .optional()
    .describe('Only those that are late by more than a minute.'),
  userId: uuid.optional().describe('Admins only.'),
  system: z
    .literal('true', { error: 'must be true' })
    .optional()
    .describe('Admins only: the schedules of Steward itself.'),
  all: oneOf(['true', 'false']).optional().describe("Admins only: everybody's schedules."),
});
export type ListSchedulesQuery = z.output<typeof listSchedulesQuery>;

export const pauseBody = z
  .strictObject({
    note: z.string().max(1000).optional(),
    until: instantIn.optional().describe('Runs again by itself from this time on; absent: until resumed.'),
  })
  .prefault({});
export type PauseBody = z.output<typeof pauseBody>;

export const scheduleView = z
  .object({
    id: uuid,
    userId: uuid.nullable().describe('Null for a schedule of Steward itself.'),
    systemKey: z.string().nullable().describe('Which schedule of Steward itself this is.'),
    name: z.string(),
    description: z.string().nullable(),
    ruleType,
    cronExpression: z.string().nullable(),
    intervalSeconds: z.number().int().nullable(),
    runAt: instantOut.nullable(),
    timezone: z.string(),
    jobTemplate: z.object({
      type: z.string(),
      payload: z.unknown(),
      priority: z.number().int().optional(),
      maxRetries: z.number().int().optional(),
    }),
    overlapPolicy,
    missedPolicy,
    missedMax: z.number().int(),
    missedSpacingSeconds: z.number().int(),
    exclusions: z.object({
      dates: z.array(z.string()),
      weekdays: z.array(z.string()),
      calendarIds: z.array(uuid),
    }),
    dstPolicy: z.object({ gap: z.string(), overlap: z.string() }),
    jitterSeconds: z.number().int(),
    startsAt: instantOut.nullable(),
    endsAt: instantOut.nullable(),
    maxRuns: z.number().int().nullable(),
    runCount: z.number().int().describe('Planned slots that made a job; runs by hand are not counted.'),
    pauseAfterFailures: z.number().int().nullable(),
    failureStreak: z
      .number()
      .int()
      .describe('Failures since the last success; counted while pauseAfterFailures is set.'),
    isActive: z.boolean().describe('False while paused.'),
    pausedNote: z.string().nullable(),
    pausedUntil: instantOut.nullable(),
    pausedBy: uuid.nullable().describe('Null when it has paused itself, or for somebody who is gone.'),
    lastRunAt: instantOut.nullable().describe('When it last made a job.'),
    nextRunAt: instantOut
      .nullable()
      .describe('The next planned instant on a day that is not excluded; null when none is to come.'),
    overdueSeconds: z
      .number()
      .describe('For how long it has been due; a scheduler that is well needs a second or two.'),
    lastError: z
      .string()
      .nullable()
      .describe('Why the latest slot made no job; null again after one that did.'),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'Schedule' });
export type ScheduleView = z.output<typeof scheduleView>;
export const schedulePage = pageOf(scheduleView);

export const slotsQuery = z.strictObject({
  ...pageQuery,
  outcome: oneOf(SLOT_OUTCOMES).optional(),
  cause: oneOf(SLOT_CAUSES).optional(),
  from: instantIn.optional().describe('Planned at or after this time.'),
  to: instantIn.optional().describe('Planned at or before this time.'),
});
export type SlotsQuery = z.output<typeof slotsQuery>;
export const slotView = z
  .object({
    id: uuid,
    scheduledFor: instantOut,
    outcome: oneOf(SLOT_OUTCOMES),
    cause: oneOf(SLOT_CAUSES).describe(
      'catch_up: it was missed and runs all the same; manual: somebody ran it; backfill: somebody filled a gap.',
    ),
    reason: z
      .string()
      .nullable()
      .describe('While it waits, what for: previous_job, spacing, backfill. Otherwise why it came to this.'),
    jobId: uuid.nullable(),
    dueAt: instantOut.nullable().describe('While it waits for its turn: not before this time.'),
    lagMs: z
      .number()
      .int()
      .nullable()
      .describe('From the planned instant until its outcome was decided; null while it waits.'),
    createdAt: instantOut,
  })
  .meta({ id: 'Slot' });
export type SlotView = z.output<typeof slotView>;
export const slotPage = pageOf(slotView);

const from = instantIn.optional().describe('Items at or after this time; now when absent.');
export const previewQuery = z.strictObject({
  from,
  count: wholeNumberIn(1, MAX_UPCOMING, 10),
});
export type PreviewQuery = z.output<typeof previewQuery>;
export const previewBody = z.strictObject({
  ruleType,
  ...timing,
  from,
  count: z.number().int().min(1).max(MAX_UPCOMING).default(10),
});
export type PreviewBody = z.output<typeof previewBody>;
export const previewView = z.object({
  items: z.array(
    z.object({
      at: instantOut,
      local: z.string().describe('Local time with its offset.'),
      note: z
        .enum(['gap_shifted', 'gap_skipped', 'overlap_first', 'overlap_last', 'excluded'])
        .optional()
        .describe('What a change of clocks did to it, or that its day is excluded and nothing will run.'),
    }),
  ),
});
export type PreviewView = z.output<typeof previewView>;
export type PreviewItem = PreviewView['items'][number];

import { z } from 'zod';
import { instantIn, uuid } from '../../../kernel/http/index.js';
import { JOB_STATUSES, MOVES, type JobStatus } from '../engine/job-status.js';
import { jobView } from '../jobs.schema.js';

export const JOB_ACTIONS = ['cancel', 'retry'] as const;
export type JobAction = (typeof JOB_ACTIONS)[number];

/** The jobs an action is for, by status; a running one is asked to stop. */
export const STATUSES_FOR: Readonly<Record<JobAction, readonly JobStatus[]>> = {
  cancel: [...MOVES.cancel.from, 'running'],
  retry: MOVES.retry.from,
};

const filter = z
  .strictObject({
    status: z.enum(JOB_STATUSES).optional().describe('Absent: every status that the action is for.'),
    type: z.string().min(1).max(50).optional(),
    scheduleId: uuid.optional(),
    createdAfter: instantIn.optional(),
    createdBefore: instantIn.optional(),
    userId: uuid.optional().describe('Admins only.'),
    all: z.boolean().optional().describe("Admins only: everybody's jobs."),
  })
  .describe("Which of the caller's jobs; those that were made after the request are never meant.");
export type ActionFilter = z.output<typeof filter>;

const request = {
  action: z.enum(JOB_ACTIONS),
  filter,
  everything: z.boolean().optional().describe('To be true where the filter names no condition.'),
};

interface Requested {
  readonly action: JobAction;
  readonly filter: ActionFilter;
  readonly everything?: boolean | undefined;
}

/** What can be wrong although every field is well formed. Whose jobs they are is no condition on the jobs. */
function judge({ action, filter: asked, everything }: Requested, context: z.RefinementCtx): void {
  const { status, userId, all, ...conditions } = asked;
  const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (status !== undefined && !STATUSES_FOR[action].includes(status))
    problem(['filter', 'status'], `must be one of ${STATUSES_FOR[action].join(', ')} for ${action}`);
  if (userId !== undefined && all === true) problem(['filter', 'all'], 'is not for one user');
  const none = status === undefined && Object.values(conditions).every((value) => value === undefined);
  if (none && everything !== true) problem(['filter'], 'must name a condition, or everything must be true');
}

export const jobActionBody = z
  .strictObject({ ...request, dryRun: z.boolean().optional().describe('Only tell how many they are.') })
  .superRefine(judge)
  .meta({
    examples: [
      {
        action: 'retry',
        filter: { status: 'failed', type: 'copy', createdAfter: '2026-11-20T00:00:00Z' },
        dryRun: true,
      },
      { action: 'cancel', filter: { scheduleId: '01990000-0000-7000-8000-000000000000' } },
    ],
  });
export type JobActionBody = z.output<typeof jobActionBody>;

export const jobActionPayload = z.strictObject(request).superRefine(judge);
export type JobActionPayload = z.output<typeof jobActionPayload>;

export const jobActionView = z
  .object({
    action: z.enum(JOB_ACTIONS),
    dryRun: z.boolean(),
    count: z.int().describe('How many jobs are meant at this moment.'),
    sampleIds: z.array(uuid).describe('Some of them, newest first.'),
    job: jobView
      .nullable()
      .describe('Does it; its result is `{matched, changed, skipped}`. Null for a dry run.'),
  })
  .meta({ id: 'JobActionAnswer' });
export type JobActionView = z.output<typeof jobActionView>;

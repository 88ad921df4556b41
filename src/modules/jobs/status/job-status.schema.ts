import { z } from 'zod';
import { instantOut, uuid, wholeNumberIn } from '../../../kernel/http/index.js';
import { JOB_STATUSES } from '../engine/job-status.js';

/** As far as rows are counted: behind it `GET /api/jobs` with its cursor is the way (C33). */
export const MAX_OFFSET = 10_000;
const DEFAULT_LIMIT = 10;

export const jobStatusQuery = z
  .strictObject({
    jobId: uuid.optional().describe('One job instead of a list; not together with the others.'),
    limit: wholeNumberIn(1, 100, DEFAULT_LIMIT).unwrap().optional().describe(`${DEFAULT_LIMIT} when absent.`),
    offset: wholeNumberIn(0, MAX_OFFSET, 0).unwrap().optional().describe('0 when absent.'),
  })
  .superRefine(({ jobId, ...page }, context) => {
    if (jobId === undefined) return;
    for (const [name, value] of Object.entries(page))
      if (value !== undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'is not for one job' });
  })
  .transform(({ jobId, limit = DEFAULT_LIMIT, offset = 0 }) => ({ jobId, limit, offset }));
export type JobStatusQuery = z.output<typeof jobStatusQuery>;

/** S2-29, with the decisions of C13. */
export const jobStatusView = z
  .object({
    id: uuid,
    type: z.string(),
    status: z.enum(JOB_STATUSES),
    userId: uuid.nullable(),
    payload: z.unknown(),
    progress: z
      .looseObject({ percent: z.int().min(0).max(100) })
      .describe('`percent`, beside whatever else the job tells of its progress.'),
    result: z.unknown(),
    error: z.string().nullable(),
    duration: z.int().nullable().describe('Milliseconds from the start of the latest attempt to the end.'),
    createdAt: instantOut,
    startedAt: instantOut.nullable(),
    completedAt: instantOut.nullable(),
    failedAt: instantOut.nullable().describe('The same as `completedAt` where it failed.'),
    updatedAt: instantOut,
  })
  .meta({ id: 'JobStatus' });
export type JobStatusView = z.output<typeof jobStatusView>;

export const jobStatusList = z
  .object({
    items: z.array(jobStatusView).describe("The caller's own jobs, newest first."),
    limit: z.int(),
    offset: z.int(),
    total: z.int().nullable().describe(`How many there are; null where there are more than ${MAX_OFFSET}.`),
  })
  .meta({ id: 'JobStatusList' });
export type JobStatusList = z.output<typeof jobStatusList>;

export const jobStatusAnswer = z.union([jobStatusList, jobStatusView]);

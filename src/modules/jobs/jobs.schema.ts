import { z } from 'zod';
import { USER_ROLES } from '../../kernel/auth/index.js';
import { instantIn, instantOut, pageOf, pageQuery, uuid } from '../../kernel/http/index.js';
import { JOB_LOG_LEVELS } from './definition/define-job.js';
import { JOB_STATUSES } from './engine/job-status.js';

/** The parts of a job that a client or a schedule's template chooses. */
export const jobRequest = {
  type: z.string().min(1).max(50).describe('A job type of GET /api/job-types.'),
  payload: z.unknown().describe("Checked against the type's own schema."),
  priority: z.number().int().min(1).max(10).optional().describe('1 runs first; 5 when absent.'),
  maxRetries: z.number().int().min(0).max(100).optional(),
  timeoutSeconds: z.number().int().min(1).max(604_800).optional(),
};

export const createJobBody = z.strictObject({
  ...jobRequest,
  scheduledFor: instantIn.optional().describe('Not before this time; a time in the past means at once.'),
});
export type CreateJobBody = z.output<typeof createJobBody>;

export const listJobsQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(JOB_STATUSES).optional(),
  type: z.string().max(50).optional(),
  scheduleId: uuid.optional(),
  createdAfter: instantIn.optional(),
  createdBefore: instantIn.optional(),
  userId: uuid.optional().describe('Admins only.'),
  all: z.enum(['true', 'false']).optional().describe("Admins only: everybody's jobs."),
});
export type ListJobsQuery = z.output<typeof listJobsQuery>;

export const jobView = z
  .object({
    id: uuid,
    userId: uuid.nullable().describe('Null for jobs of the system itself, which only admins see.'),
    type: z.string(),
    status: z.enum(JOB_STATUSES),
    priority: z.number().int(),
    progress: z.number().int().min(0).max(100),
    progressDetail: z.record(z.string(), z.unknown()).nullable(),
    payload: z.unknown(),
    result: z.unknown(),
    error: z.string().nullable(),
    errorCode: z.string().nullable(),
    retryCount: z.number().int(),
    maxRetries: z.number().int(),
    crashCount: z.number().int().describe('Attempts that ended with the death of their worker.'),
    scheduledFor: instantOut.nullable(),
    scheduleId: uuid.nullable(),
    cancelRequested: z.boolean(),
    createdAt: instantOut,
    startedAt: instantOut.nullable().describe('Start of the latest attempt.'),
    completedAt: instantOut.nullable(),
    cancelledAt: instantOut.nullable(),
    durationMs: z.number().int().nullable().describe('From the start of the latest attempt to the end.'),
  })
  .meta({ id: 'Job' });
export type JobView = z.output<typeof jobView>;
export const jobPage = pageOf(jobView);

export const jobLogsQuery = z.strictObject({ ...pageQuery, level: z.enum(JOB_LOG_LEVELS).optional() });
export type JobLogsQuery = z.output<typeof jobLogsQuery>;
export const jobLogView = z
  .object({
    id: uuid,
    level: z.enum(JOB_LOG_LEVELS),
    message: z.string(),
    details: z.unknown(),
    createdAt: instantOut,
  })
  .meta({ id: 'JobLog' });
export type JobLogView = z.output<typeof jobLogView>;
export const jobLogPage = pageOf(jobLogView);

export const jobTypeView = z
  .object({
    name: z.string(),
    summary: z.string(),
    queue: z.string(),
    requiredRole: z.enum(USER_ROLES),
    maxRetries: z.number().int(),
    backoff: z
      .object({
        kind: z.enum(['fixed', 'exponential', 'custom']),
        seconds: z.number().optional(),
        maxSeconds: z.number().optional(),
        describe: z.string().optional(),
      })
      .describe('Waits between attempts; exponential ones double up to maxSeconds, with jitter.'),
    timeoutSeconds: z.number().int(),
    concurrency: z.number().int().nullable().describe('Attempts at a time in one process; null: no bound.'),
    limits: z
      .object({
        global: z.number().int().nullable(),
        perKey: z.object({ jobs: z.number().int(), by: z.string().nullable() }).nullable(),
        rate: z
          .object({
            jobs: z.number().int(),
            perSeconds: z.number(),
            perKey: z.boolean(),
            by: z.string().nullable(),
          })
          .nullable(),
      })
      .describe(
        'Over all processes: jobs in flight, in flight for one key, and started within any such time.',
      ),
    unique: z
      .object({ until: z.enum(['started', 'finished']), by: z.string().nullable() })
      .nullable()
      .describe('One job per owner and key until then; a second request is answered with the first job.'),
    onCrash: z.enum(['again', 'fail']).describe('What follows when a worker dies in the middle.'),
    repeats: z.string().describe('What an attempt that comes after another one repeats.'),
    sizes: z.object({
      payload: z.number().int().describe('Bytes of JSON.'),
      result: z.number().int().describe('Characters of JSON.'),
      logLines: z.number().int().describe('Of one attempt.'),
    }),
    payloadSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of the payload.'),
  })
  .meta({ id: 'JobType' });
export type JobTypeView = z.output<typeof jobTypeView>;
export const jobTypeList = z.object({ items: z.array(jobTypeView) });

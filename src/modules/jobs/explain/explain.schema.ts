import { z } from 'zod';
import { instantOut, uuid } from '../../../kernel/http/index.js';
import { JOB_STATUSES } from '../engine/job-status.js';

export const REASON_CODES = [
  'delayed',
  'postponed',
  'paused',
  'limit',
  'rate',
  'no_worker',
  'order',
  'in_queue',
  'running',
  'cancelling',
  'ended',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

const count = z.number().int().min(0);

export const reasonView = z.object({
  code: z.enum(REASON_CODES),
  detail: z.string().describe('For people.'),
  since: instantOut.optional(),
  until: instantOut.nullable().optional().describe('When this reason ends by itself, where that is known.'),
  note: z.string().nullable().optional().describe('Of whoever paused the queue.'),
  error: z.string().nullable().optional().describe('What the attempt before this one ended with.'),
  limit: count.optional(),
  inFlight: count.optional().describe('Jobs that count against the limit now.'),
  ahead: count.optional().describe('Jobs that go before it.'),
  aheadExact: z.boolean().optional().describe('False: there are more than that.'),
  workers: count.optional().describe('Processes that are alive and serve its queue.'),
  workerId: uuid.nullable().optional(),
  attempt: count.optional(),
  progress: z.number().int().min(0).max(100).optional(),
});
export type ReasonView = z.output<typeof reasonView>;

export const explanationView = z
  .object({
    jobId: uuid,
    type: z.string(),
    queue: z.string(),
    status: z.enum(JOB_STATUSES),
    reasons: z.array(reasonView).describe('Each of them by itself keeps the job where it is.'),
  })
  .meta({ id: 'JobExplanation' });
export type ExplanationView = z.output<typeof explanationView>;

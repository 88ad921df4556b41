import { z } from 'zod';
import { judgedLater, uuid } from '../../../kernel/http/index.js';
import { createJobBody } from '../jobs.schema.js';

export const MAX_BULK_JOBS = 1000;

/** By itself, so that a wrong item does not take the others along. */
const item = judgedLater(createJobBody, 'As the body of POST /api/jobs.');

export const bulkJobsBody = z
  .strictObject({
    items: z
      .array(item, { error: 'must be a list' })
      .min(1, 'must have at least one item')
      .max(MAX_BULK_JOBS, `must have at most ${MAX_BULK_JOBS} items`),
  })
  .meta({
    examples: [
      {
        items: [
          { type: 'generate-report', payload: { month: '2026-11' } },
          { type: 'generate-report', payload: { month: '2026-12' }, scheduledFor: '2027-01-01T00:00:00Z' },
        ],
      },
    ],
  });
export type BulkJobsBody = z.output<typeof bulkJobsBody>;

const itemProblem = z
  .object({
    status: z.int().describe('What POST /api/jobs would have answered.'),
    code: z.string(),
    detail: z.string(),
    errors: z.array(
      z.object({
        pointer: z.string().describe('From the body of this request, such as /items/17/payload/source.'),
        code: z.string(),
        detail: z.string(),
      }),
    ),
  })
  .meta({ id: 'BulkJobProblem' });

export const bulkJobsView = z
  .object({
    items: z
      .array(
        z.union([
          z.object({ index: z.int().min(0), id: uuid }),
          z.object({ index: z.int().min(0), error: itemProblem }),
        ]),
      )
      .describe('One for each item, in their order: the id of its job, or why there is none.'),
  })
  .meta({ id: 'BulkJobs' });
export type BulkJobsView = z.output<typeof bulkJobsView>;

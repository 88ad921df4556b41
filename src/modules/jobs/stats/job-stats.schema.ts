import { z } from 'zod';
import { instantIn, instantOut, uuid } from '../../../kernel/http/index.js';

export const jobStatsQuery = z.strictObject({
  from: instantIn.optional().describe('24 hours before the end when absent.'),
  to: instantIn.optional().describe('Now when absent.'),
  userId: uuid.optional().describe('Admins only.'),
  all: z.enum(['true', 'false']).optional().describe("Admins only: everybody's jobs."),
});
export type JobStatsQuery = z.output<typeof jobStatsQuery>;

const count = z.number().int().min(0);
const milliseconds = z.number().min(0).nullable();

const statusCounts = z.object({
  pending: count,
  queued: count,
  running: count,
  completed: count,
  failed: count,
  cancelled: count,
});
export type StatusCounts = z.output<typeof statusCounts>;

const times = z.object({
  jobs: count,
  meanMs: milliseconds,
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  maxMs: milliseconds,
});
export type TimesView = z.output<typeof times>;

export const jobStatsView = z
  .object({
    from: instantOut,
    to: instantOut,
    counts: z
      .enum(['made', 'ended'])
      .describe(
        'made: jobs made within the period, by their status of now. ended: jobs that ended within it, and in the open statuses all that are open now.',
      ),
    complete: z
      .boolean()
      .describe(
        'False: there are more jobs than are counted; then it is only the newest ones, and `from` is where they begin.',
      ),
    byStatus: statusCounts,
    byType: z.array(z.object({ type: z.string(), byStatus: statusCounts, waiting: times, running: times })),
    repeatedAttempts: count.describe('Attempts after which the job was tried again.'),
    finishedPerMinute: z.number().min(0).describe('Jobs that ended, over the minutes of the period.'),
    waiting: times.describe('From when a job could have run to its first attempt.'),
    running: times.describe('How long attempts took; of `made` jobs only the last one, where it has ended.'),
    failures: z.array(z.object({ code: z.string(), jobs: count })).describe('Most frequent first.'),
  })
  .meta({ id: 'JobStats' });
export type JobStatsView = z.output<typeof jobStatsView>;

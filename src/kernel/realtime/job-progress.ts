import { z } from 'zod';

/** Hub topic for the progress of running jobs: shown live, never stored. */
export const JOB_PROGRESS_TOPIC = 'job-progress';

const jobProgress = z.object({
  jobId: z.string(),
  userId: z.string(),
  progress: z.number(),
  progressDetail: z.unknown(),
  status: z.string(),
});
export type JobProgress = z.output<typeof jobProgress>;

/** Null for anything else: hub messages come from outside the process. */
export function asJobProgress(message: object): JobProgress | null {
  const parsed = jobProgress.safeParse(message);
  return parsed.success ? parsed.data : null;
}

/** Exactly these (S1-15). */
export const JOB_STATUSES = ['pending', 'queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/**
 * Every legal move of a job and who makes it. Each is one guarded UPDATE that names its `from` status; a move
 * that touches no row was lost to somebody else and changes nothing.
 */
export const MOVES = {
  dispatch: { from: ['pending'], to: ['queued'] },
  claim: { from: ['queued'], to: ['running'] },
  /** The attempt ended: done, out of attempts or not worth another, or stopped on request. */
  settle: { from: ['running'], to: ['completed', 'failed', 'cancelled'] },
  /** Another attempt follows: after an error, or handed back by a process that shuts down. */
  return: { from: ['running'], to: ['pending'] },
  /** The worker died: again, or an end for a cancelled or a poisonous job. */
  rescue: { from: ['running'], to: ['pending', 'failed', 'cancelled'] },
  /** Its hint got lost. */
  requeue: { from: ['queued'], to: ['pending'] },
  cancel: { from: ['pending', 'queued'], to: ['cancelled'] },
  /** By hand. */
  retry: { from: ['failed', 'cancelled'], to: ['pending'] },
} as const satisfies Record<string, { from: readonly JobStatus[]; to: readonly JobStatus[] }>;

export const ENDED: readonly JobStatus[] = ['completed', 'failed', 'cancelled'];
export const hasEnded = (status: JobStatus): boolean => ENDED.includes(status);

export function isLegalMove(from: JobStatus, to: JobStatus): boolean {
  return Object.values<{ from: readonly JobStatus[]; to: readonly JobStatus[] }>(MOVES).some(
    (move) => move.from.includes(from) && move.to.includes(to),
  );
}

/**
 * Of a row of jobs: queued or running. Without the status, as the indexes have it (ADR 3): `run_at` is set exactly
 * while a job is pending.
 */
export const inFlight = (alias = 'jobs'): string =>
  `${alias}.run_at is null and ${alias}.completed_at is null and ${alias}.cancelled_at is null`;
export const IN_FLIGHT = inFlight();

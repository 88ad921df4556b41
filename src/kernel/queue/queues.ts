/** PostgreSQL schema of BullMQ's own tables. */
export const QUEUE_SCHEMA = 'bullmq';

/**
 * The queues. A job type names one; each has its own workers, so a pile of long file copies never holds up
 * short work.
 */
export const QUEUES = ['default', 'files'] as const;
export type QueueName = (typeof QUEUES)[number];

/** What a queue message carries: ids claimed together and which dispatch of each it is. Never a payload. */
export interface Hint {
  readonly jobs: readonly (readonly [jobId: string, dispatchNo: number])[];
}

/** PostgreSQL schema of BullMQ's own tables. */
export const QUEUE_SCHEMA = 'bullmq';

/**
 * The queues. A job type names one; each has its own workers, so a pile of long file copies never holds up short
 * work. `waitingHints` bounds the messages that wait in the queue itself: the rest stays pending in PostgreSQL,
 * where priority, pause and cancel act on it, and a wiped Redis costs almost nothing.
 */
export const QUEUES = {
  default: { waitingHints: 200 },
  files: { waitingHints: 20 },
} as const;

export type QueueName = keyof typeof QUEUES;
export const QUEUE_NAMES = Object.keys(QUEUES) as QueueName[];

/** What a queue message carries: ids claimed together and which dispatch of each it is. Never a payload. */
export interface Hint {
  readonly jobs: readonly (readonly [jobId: string, dispatchNo: number])[];
  /** Database time of the dispatch, epoch milliseconds: tells the reconciler how old the oldest message is. */
  readonly dispatchedAt: number;
}

/**
 * What a worker does with a hint. Must be safe to call twice with one hint, and late: whoever claims the rows
 * wins, everybody else finds none.
 */
export type HintHandler = (queue: QueueName, hint: Hint) => Promise<void>;

/** PostgreSQL schema of BullMQ's own tables. */
export const QUEUE_SCHEMA = 'bullmq';

/**
 * The queues. A job type names one; each has its own workers, so a pile of long file copies never holds up short
 * work. Only a few messages wait in a queue itself (the jobs module says how many): the rest stays pending in
 * PostgreSQL, where priority, pause and cancel act on it, and a wiped Redis costs almost nothing.
 */
export const QUEUE_NAMES = ['default', 'files'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

/** What a queue message carries: ids claimed together and which dispatch of each it is. Never a payload. */
export interface Hint {
  readonly jobs: readonly (readonly [jobId: string, dispatchNo: number])[];
  /** Database time of the dispatch, epoch milliseconds: tells the reconciler how old the oldest message is. */
  readonly dispatchedAt: number;
}

/** A hint on its way into the queue. */
export interface PlacedHint extends Hint {
  /** Lower ones are taken first, 1 to 2^21 − 1; one without a place before all others. */
  readonly place?: number;
}

/**
 * What a worker does with a hint. Must be safe to call twice with one hint, and late: whoever claims the rows
 * wins, everybody else finds none.
 */
export type HintHandler = (queue: QueueName, hint: Hint) => Promise<void>;

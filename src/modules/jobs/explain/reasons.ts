import type { JobDefinition } from '../definition/define-job.js';
import { hasEnded } from '../engine/job-status.js';
import type { JobEntity } from '../job.entity.js';
import type { QueuePause } from '../queues/queue-pauses.repository.js';
import type { ReasonView } from './explain.schema.js';

/** So many jobs before it are counted. */
export const COUNTED_AHEAD = 1_000;

/** What is known around a job, at one moment of the database's clock. */
export interface Surroundings {
  readonly now: Date;
  readonly pause: QueuePause | null;
  /** Processes that are alive and serve its queue. */
  readonly workers: number;
  /** Null: this build does not know the type. */
  readonly definition: Pick<JobDefinition, 'limits' | 'concurrency'> | null;
  /** Jobs of its type that count against limits: all of them, and those of its key. */
  readonly inFlight: { readonly ofType: number; readonly ofKey: number };
  /** When its rate lets the next one start; null when it does not hold it. */
  readonly rateUntil: Date | null;
  /** Jobs that go before it; `COUNTED_AHEAD + 1` stands for any more. */
  readonly ahead: number;
}

/**
 * Why a job is where it is, in the order in which somebody would want to know. A job may be held by several reasons
 * at once: what is shown is all of them, so that removing the first does not only show the next.
 */
export function reasonsOf(job: JobEntity, around: Surroundings): ReasonView[] {
  if (hasEnded(job.status)) return [ended(job)];
  switch (job.status) {
    case 'running':
      return [...(job.cancelRequestedAt ? [cancelling(job.cancelRequestedAt)] : []), running(job)];
    case 'queued':
      return [...noWorker(job, around), inQueue(job, around)];
    default:
      return waiting(job, around);
  }
}

function waiting(job: JobEntity, around: Surroundings): ReasonView[] {
  const isDue = job.turn !== null || (job.runAt !== null && job.runAt <= around.now);
  const held = [
    ...(isDue ? [] : [notYet(job)]),
    ...paused(job, around),
    ...limits(job, around),
    ...noWorker(job, around),
  ];
  return isDue && (around.ahead > 0 || held.length === 0) ? [...held, order(around)] : held;
}

/** It waits for its time, for one of three reasons. */
function notYet(job: JobEntity): ReasonView {
  const until = job.runAt?.toISOString() ?? null;
  if (job.errorCode === 'postponed')
    return {
      code: 'postponed',
      detail: `It could not begin and is tried again: ${job.error}`,
      until,
      error: job.error,
    };
  if (job.error !== null)
    return {
      code: 'delayed',
      detail: `Attempt ${job.leaseEpoch} failed; after a pause follows try ${job.retryCount + 1} of ${job.maxRetries + 1}.`,
      until,
      error: job.error,
    };
  return job.scheduledFor && job.leaseEpoch === 0
    ? { code: 'delayed', detail: 'It was asked to start later.', until }
    : { code: 'delayed', detail: 'It is tried again after a pause.', until };
}

function paused({ queue }: JobEntity, { pause }: Surroundings): ReasonView[] {
  if (!pause) return [];
  return [
    {
      code: 'paused',
      detail:
        pause.note === null ? `The queue ${queue} is paused.` : `The queue ${queue} is paused: ${pause.note}`,
      since: pause.pausedAt.toISOString(),
      until: pause.pausedUntil?.toISOString() ?? null,
      note: pause.note,
    },
  ];
}

function limits({ type, limitKey }: JobEntity, around: Surroundings): ReasonView[] {
  const { definition, inFlight, workers, rateUntil } = around;
  if (!definition || limitKey === null) return [];
  const { global, perKey, rate } = definition.limits;
  const reasons: ReasonView[] = [];
  const full = (limit: number | undefined, jobs: number, detail: (limit: number) => string): void => {
    if (limit !== undefined && jobs >= limit)
      reasons.push({ code: 'limit', detail: detail(limit), limit, inFlight: jobs });
  };
  full(global, inFlight.ofType, (limit) => `At most ${limit} jobs of type ${type} run at the same time.`);
  full(
    perKey?.jobs,
    inFlight.ofKey,
    (limit) => `At most ${limit} jobs of type ${type} for the same user or thing run at the same time.`,
  );
  if (definition.concurrency !== null && workers > 0)
    full(
      definition.concurrency * workers,
      inFlight.ofType,
      () =>
        `Each of ${workers} processes runs at most ${definition.concurrency} jobs of type ${type} at the same time.`,
    );
  if (rate && rateUntil)
    reasons.push({
      code: 'rate',
      detail: `At most ${rate.jobs} jobs of type ${type} start within ${rate.perSeconds} s.`,
      limit: rate.jobs,
      until: rateUntil.toISOString(),
    });
  return reasons;
}

function noWorker({ queue, type }: JobEntity, { workers, definition }: Surroundings): ReasonView[] {
  if (workers === 0)
    return [
      { code: 'no_worker', detail: `No process that runs jobs of the queue ${queue} is alive.`, workers },
    ];
  if (definition) return [];
  const detail = `This version does not know the type ${type}; unless a process of another version takes it, it will fail.`;
  return [{ code: 'no_worker', detail, workers }];
}

function order({ ahead }: Surroundings): ReasonView {
  return { code: 'order', detail: `${inWords(ahead)} before it.`, ...counted(ahead) };
}

function inQueue({ dispatchedAt }: JobEntity, { ahead }: Surroundings): ReasonView {
  const since = dispatchedAt?.toISOString();
  return {
    code: 'in_queue',
    detail: `It has been handed to the workers; ${inWords(ahead)} before it.`,
    ...(since === undefined ? {} : { since }),
    ...counted(ahead),
  };
}

function running({ startedAt, workerId, leaseEpoch, progress }: JobEntity): ReasonView {
  const since = startedAt?.toISOString();
  return {
    code: 'running',
    detail: `Attempt ${leaseEpoch} is under way, at ${progress} %.`,
    ...(since === undefined ? {} : { since }),
    workerId,
    attempt: leaseEpoch,
    progress,
  };
}

function cancelling(since: Date): ReasonView {
  return {
    code: 'cancelling',
    detail: 'It has been told to stop. If it does not, it ends without its handler 30 s after it was told.',
    since: since.toISOString(),
  };
}

function ended({ status, error, completedAt, cancelledAt }: JobEntity): ReasonView {
  const at = (completedAt ?? cancelledAt)?.toISOString();
  const words =
    status === 'completed'
      ? 'It is done.'
      : status === 'failed'
        ? `It has failed: ${error}`
        : 'It was cancelled.';
  return { code: 'ended', detail: words, ...(at === undefined ? {} : { since: at }), error };
}

const counted = (ahead: number): Pick<ReasonView, 'ahead' | 'aheadExact'> => ({
  ahead: Math.min(ahead, COUNTED_AHEAD),
  aheadExact: ahead <= COUNTED_AHEAD,
});

function inWords(ahead: number): string {
  if (ahead > COUNTED_AHEAD) return 'more than 1,000 jobs go';
  if (ahead === 0) return 'no job goes';
  return ahead === 1 ? '1 job goes' : `${ahead} jobs go`;
}

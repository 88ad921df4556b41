import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { JobEndedEvent } from '../jobs.events.js';

export interface ClaimedJob {
  readonly id: string;
  readonly userId: string | null;
  readonly type: string;
  readonly payload: unknown;
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly timeoutSeconds: number;
  readonly leaseEpoch: number;
  readonly scheduleId: string | null;
  readonly requestId: string | null;
  /** Why the attempt before this one did not finish the job. */
  readonly lastError: string | null;
  /** How long it was due before its first attempt; null for every later one. */
  readonly waitedSeconds: number | null;
}

/** How an attempt ended. `return` makes the job pending again. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: object | null }
  | { readonly kind: 'failed'; readonly error: string; readonly errorCode: string }
  | { readonly kind: 'cancelled' }
  | {
      readonly kind: 'retry';
      readonly error: string;
      readonly errorCode: string;
      readonly delaySeconds: number;
    }
  /** Handed back by a process that shuts down, or postponed by its handler for a reason: no attempt is spent. */
  | { readonly kind: 'release'; readonly delaySeconds: number; readonly reason: string | null };

export interface Settlement {
  readonly jobId: string;
  readonly leaseEpoch: number;
  readonly outcome: Outcome;
}

export interface EndedJob {
  readonly id: string;
  readonly userId: string | null;
  readonly type: string;
  readonly scheduleId: string | null;
  readonly status: string;
  readonly error: string | null;
}

/** A worker that has not renewed its beat for this long is dead and loses its jobs. */
export const WORKER_SILENCE_SECONDS = 12;
/** A job whose workers died this often is poison: it fails instead of taking down another one. */
export const MAX_CRASHES = 3;

/**
 * The engine's moves except dispatch (`dispatch.repository.ts`): each is one guarded UPDATE (`MOVES` in job-status.ts), for many jobs at once, on the
 * database's clock. Rows a guard refuses are simply not among the answer.
 */
@Injectable()
export class JobMovesRepository {
  /** `queued → running`. A hint of an older dispatch, or one delivered twice, claims nothing. */
  async claim(
    tx: Tx,
    workerId: string,
    jobs: readonly (readonly [id: string, dispatchNo: number])[],
  ): Promise<ClaimedJob[]> {
    return query<ClaimedJob>(
      tx,
      `update jobs set status = 'running', lease_epoch = lease_epoch + 1, worker_id = $3, progress = 0, progress_detail = null,
              started_at = greatest(clock_timestamp(), created_at), updated_at = clock_timestamp()
         from unnest($1::uuid[], $2::integer[]) as hint(id, dispatch_no)
        where jobs.id = hint.id and jobs.status = 'queued' and jobs.dispatch_no = hint.dispatch_no
       returning jobs.id, jobs.user_id as "userId", jobs.type, jobs.payload, jobs.retry_count as "retryCount", jobs.max_retries as "maxRetries",
                 jobs.timeout_seconds as "timeoutSeconds", jobs.lease_epoch as "leaseEpoch", jobs.schedule_id as "scheduleId", jobs.request_id as "requestId",
                 jobs.error as "lastError",
                 case when jobs.lease_epoch = 1 then extract(epoch from jobs.started_at - greatest(jobs.created_at, jobs.scheduled_for))::double precision end as "waitedSeconds"`,
      [jobs.map(([id]) => id), jobs.map(([, dispatchNo]) => dispatchNo), workerId],
      'jobs_claim',
    );
  }

  /**
   * `running → completed | failed | cancelled | pending`, fenced by the lease epoch. Answers the jobs that moved.
   * What would run again although somebody asked to cancel it (the push came too late) is cancelled instead.
   */
  async settle(tx: Tx, settlements: readonly Settlement[]): Promise<EndedJob[]> {
    const rows = settlements.map(({ jobId, leaseEpoch, outcome }) => ({
      jobId,
      leaseEpoch,
      ...columnsOf(outcome),
    }));
    return query<EndedJob>(
      tx,
      `update jobs set status = ${NEXT_STATUS}, result = s.result::jsonb, error = s.error, error_code = s.error_code,
              progress = case when s.status = 'completed' then 100 else progress end,
              retry_count = retry_count + s.spent, worker_id = null,
              run_at = case when ${NEXT_STATUS} = 'pending' then now() + make_interval(secs => s.delay) end,
              completed_at = case when s.status in ('completed', 'failed') then greatest(clock_timestamp(), started_at) end,
              cancelled_at = case when ${NEXT_STATUS} = 'cancelled' then greatest(clock_timestamp(), started_at) end,
              updated_at = clock_timestamp()
         from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::double precision[])
              as s(id, lease_epoch, status, result, error, error_code, spent, delay)
        where jobs.id = s.id and jobs.status = 'running' and jobs.lease_epoch = s.lease_epoch
       returning ${ENDED_COLUMNS}`,
      [
        rows.map((row) => row.jobId),
        rows.map((row) => row.leaseEpoch),
        rows.map((row) => row.status),
        rows.map((row) => row.result),
        rows.map((row) => row.error),
        rows.map((row) => row.errorCode),
        rows.map((row) => row.spent),
        rows.map((row) => row.delay),
      ],
      'jobs_settle',
    );
  }

  /** Last progress of running attempts; an older epoch or a smaller number changes nothing. */
  async progress(
    read: Read,
    updates: readonly { jobId: string; leaseEpoch: number; percent: number; detail: object | null }[],
  ): Promise<void> {
    await execute(
      read,
      `update jobs set progress = greatest(progress, p.percent), progress_detail = p.detail::jsonb, updated_at = clock_timestamp()
         from unnest($1::uuid[], $2::integer[], $3::smallint[], $4::text[]) as p(id, lease_epoch, percent, detail)
        where jobs.id = p.id and jobs.status = 'running' and jobs.lease_epoch = p.lease_epoch`,
      [
        updates.map((one) => one.jobId),
        updates.map((one) => one.leaseEpoch),
        updates.map((one) => one.percent),
        updates.map((one) => (one.detail === null ? null : JSON.stringify(one.detail))),
      ],
    );
  }

  /** Log lines of attempts that still hold their lease; lines of a fenced-off attempt are dropped. */
  async log(
    read: Read,
    lines: readonly {
      id: string;
      jobId: string;
      leaseEpoch: number;
      level: string;
      message: string;
      details: object | null;
    }[],
  ): Promise<void> {
    await execute(
      read,
      `insert into job_logs (id, job_id, level, message, details)
       select l.id, l.job_id, l.level, l.message, l.details::jsonb
         from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[]) as l(id, job_id, lease_epoch, level, message, details)
         join jobs on jobs.id = l.job_id and jobs.status = 'running' and jobs.lease_epoch = l.lease_epoch`,
      [
        lines.map((line) => line.id),
        lines.map((line) => line.jobId),
        lines.map((line) => line.leaseEpoch),
        lines.map((line) => line.level),
        lines.map((line) => line.message),
        lines.map((line) => (line.details === null ? null : JSON.stringify(line.details))),
      ],
    );
  }

  /** What the database's clock says. */
  async now(read: Read): Promise<Date> {
    const row = await queryOne<{ now: Date }>(read, `select clock_timestamp() as now`);
    return row!.now;
  }

  /**
   * `running → pending | failed | cancelled` for jobs whose worker is dead or unknown. Answers those that moved:
   * none when the statement itself came to a standstill after `lookedAt`, because then nobody could beat either.
   */
  async rescue(tx: Tx, lookedAt: Date): Promise<EndedJob[]> {
    return query<EndedJob>(
      tx,
      `with orphan as (
         select id from jobs
          where run_at is null and completed_at is null and cancelled_at is null and status = 'running'
            and clock_timestamp() < $3::timestamptz + interval '5 seconds'
            and not exists (select from workers where workers.id = jobs.worker_id and beat_at > clock_timestamp() - make_interval(secs => $1))
          order by id for update skip locked),
       verdict as (
         select jobs.id, case when cancel_requested_at is not null then 'cancelled' when crash_count + 1 >= $2 then 'failed' else 'pending' end as status
           from jobs join orphan using (id))
       update jobs set status = v.status, crash_count = crash_count + 1, worker_id = null,
              run_at = case when v.status = 'pending' then now() end,
              error = case when v.status = 'failed' then format('Its worker died %s times while running it.', crash_count + 1) end,
              error_code = case when v.status = 'failed' then 'poison' end,
              completed_at = case when v.status = 'failed' then greatest(clock_timestamp(), started_at) end,
              cancelled_at = case when v.status = 'cancelled' then greatest(clock_timestamp(), started_at) end,
              updated_at = clock_timestamp()
         from verdict v where jobs.id = v.id and jobs.status = 'running'
       returning ${ENDED_COLUMNS}`,
      [WORKER_SILENCE_SECONDS, MAX_CRASHES, lookedAt],
    );
  }

  /** `queued → pending` for jobs dispatched before `before`, whose hint must have got lost. */
  async requeueLost(tx: Tx, queue: string, olderThanSeconds: number, before: Date | null): Promise<number> {
    return execute(
      tx,
      `update jobs set status = 'pending', run_at = now(), updated_at = clock_timestamp()
        where run_at is null and completed_at is null and cancelled_at is null and status = 'queued' and queue = $1
          and dispatched_at < clock_timestamp() - make_interval(secs => $2)
          and ($3::timestamptz is null or dispatched_at < $3)`,
      [queue, olderThanSeconds, before],
    );
  }
}

/** Of a settlement `s`. */
const NEXT_STATUS = `case when s.status = 'pending' and jobs.cancel_requested_at is not null then 'cancelled' else s.status end`;
const ENDED_COLUMNS = `jobs.id, jobs.user_id as "userId", jobs.type, jobs.schedule_id as "scheduleId", jobs.status, jobs.error`;

function columnsOf(outcome: Outcome) {
  const row = {
    status: 'pending',
    result: null as string | null,
    error: null as string | null,
    errorCode: null as string | null,
    spent: 0,
    delay: 0,
  };
  switch (outcome.kind) {
    case 'completed':
      return {
        ...row,
        status: 'completed',
        result: outcome.result === null ? null : JSON.stringify(outcome.result),
      };
    case 'failed':
      return { ...row, status: 'failed', error: outcome.error, errorCode: outcome.errorCode };
    case 'cancelled':
      return { ...row, status: 'cancelled' };
    case 'retry':
      return {
        ...row,
        error: outcome.error,
        errorCode: outcome.errorCode,
        spent: 1,
        delay: outcome.delaySeconds,
      };
    case 'release':
      break;
  }
  return {
    ...row,
    error: outcome.reason,
    errorCode: outcome.reason === null ? null : 'postponed',
    delay: outcome.delaySeconds,
  };
}

/** The event of an ended job, or null when the move made it pending again. */
export function endedEvent(job: EndedJob): JobEndedEvent | null {
  switch (job.status) {
    case 'completed':
      return 'job.completed';
    case 'failed':
      return 'job.failed';
    case 'cancelled':
      return 'job.cancelled';
    default:
      return null;
  }
}

import { Injectable } from '@nestjs/common';
import type { UserRole } from '../../../kernel/auth/index.js';
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
  /** The rights of now, read with the claim; null where the job has no owner, or one that is gone. */
  readonly owner: { readonly role: UserRole; readonly isActive: boolean } | null;
  /** How long it was due before its first attempt; null for every later one. */
  readonly waitedSeconds: number | null;
}

/** How an attempt ended. `return` makes the job pending again. */
export type Outcome =
  /** `quiet`: its owner is not notified of this success. */
  | { readonly kind: 'completed'; readonly result: object | null; readonly quiet?: boolean }
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
      'jobs_progress',
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
      'jobs_log',
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

const ENDED_COLUMNS = `jobs.id, jobs.user_id as "userId", jobs.type, jobs.schedule_id as "scheduleId", jobs.status, jobs.error`;

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

import { Injectable } from '@nestjs/common';
import type { UserRole } from '../../../kernel/auth/index.js';
import { execute, type Read } from '../../../kernel/database/index.js';
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
  /** The one it has now: `pending` when another attempt follows. */
  readonly status: string;
  readonly error: string | null;
  readonly queue: string;
  readonly errorCode: string | null;
  /** From when it could have run to its start; null unless this was its first attempt. */
  readonly waitedMs: number | null;
  /** How long the attempt took; null when it was cancelled before any. */
  readonly ranMs: number | null;
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
}

/** Of a job that an `EndedJob` is made of. */
export const ENDED_COLUMNS = `jobs.id, jobs.user_id as "userId", jobs.type, jobs.schedule_id as "scheduleId", jobs.status, jobs.error, jobs.queue,
  jobs.error_code as "errorCode", (extract(epoch from clock_timestamp() - jobs.started_at) * 1000)::double precision as "ranMs",
  case when jobs.lease_epoch = 1 then (extract(epoch from jobs.started_at - greatest(jobs.created_at, jobs.scheduled_for)) * 1000)::double precision end as "waitedMs"`;

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

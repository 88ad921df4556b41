import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../kernel/database/index.js';
import type { JobFence } from './definition/define-job.js';

/** An attempt that holds its job, and whose job that is. */
export interface HeldAttempt extends JobFence {
  readonly userId: string | null;
}

/** What handlers ask of and write into the rows of jobs that run. */
@Injectable()
export class RunningJobsRepository {
  /** Those of the attempts that hold their jobs at this moment. */
  async heldAmong(read: Read, fences: readonly JobFence[]): Promise<HeldAttempt[]> {
    if (fences.length === 0) return [];
    return query<HeldAttempt>(
      read,
      `select jobs.id as "jobId", jobs.lease_epoch as "leaseEpoch", jobs.user_id as "userId"
         from jobs join unnest($1::uuid[], $2::integer[]) as f(id, lease_epoch) on jobs.id = f.id and jobs.lease_epoch = f.lease_epoch
        where jobs.id = any($1::uuid[]) and jobs.status = 'running'`,
      [fences.map(({ jobId }) => jobId), fences.map(({ leaseEpoch }) => leaseEpoch)],
      'jobs_held_among',
    );
  }

  /** Its checkpoint; nobody moves the job or writes its checkpoint until the transaction ends. Null: not held any more. */
  async hold(tx: Tx, { jobId, leaseEpoch }: JobFence): Promise<{ checkpoint: object | null } | null> {
    return queryOne<{ checkpoint: object | null }>(
      tx,
      `select checkpoint from jobs where id = $1 and lease_epoch = $2 and status = 'running' for update`,
      [jobId, leaseEpoch],
      'jobs_hold',
    );
  }

  /** Adds to the checkpoint of a job that runs; false when it does not. */
  async keep(tx: Tx, jobId: string, values: object): Promise<boolean> {
    const kept = await execute(
      tx,
      `update jobs set checkpoint = coalesce(checkpoint, '{}') || $2::jsonb where id = $1 and status = 'running'`,
      [jobId, JSON.stringify(values)],
      'jobs_keep',
    );
    return kept > 0;
  }

  async checkpoint(read: Read, jobId: string): Promise<object | null> {
    const row = await queryOne<{ checkpoint: object | null }>(
      read,
      `select checkpoint from jobs where id = $1`,
      [jobId],
    );
    return row?.checkpoint ?? null;
  }

  /** Those of the jobs that were postponed are due now. */
  async wake(tx: Tx, ids: readonly string[]): Promise<number> {
    return execute(
      tx,
      `update jobs set run_at = clock_timestamp(), updated_at = clock_timestamp()
        where id = any($1::uuid[]) and status = 'pending' and error_code = 'postponed' and turn is null and run_at > clock_timestamp()`,
      [ids],
    );
  }
}

import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Tx } from '../../../kernel/database/index.js';

export interface JobKeyRow {
  readonly type: string;
  readonly key: Buffer;
  readonly userId: string | null;
  readonly jobId: string;
}

/** Which job keeps others of its key away. */
@Injectable()
export class JobKeysRepository {
  /** False: the key is there already. Waits for whoever is adding the same one at this moment. */
  async add(tx: Tx, { type, key, userId, jobId }: JobKeyRow): Promise<boolean> {
    const added = await execute(
      tx,
      `insert into job_keys (type, key, user_id, job_id) values ($1, $2, $3, $4) on conflict (type, key) do nothing`,
      [type, key, userId, jobId],
    );
    return added === 1;
  }

  /** The job that has the key; it cannot change hands before this transaction ends. Null: the key is gone meanwhile. */
  async lock(tx: Tx, type: string, key: Buffer): Promise<string | null> {
    const row = await queryOne<{ jobId: string }>(
      tx,
      `select job_id as "jobId" from job_keys where type = $1 and key = $2 for update`,
      [type, key],
    );
    return row?.jobId ?? null;
  }

  /** Gives a key, which is locked, to another job. */
  async give(tx: Tx, type: string, key: Buffer, jobId: string): Promise<void> {
    await execute(
      tx,
      `update job_keys set job_id = $3, updated_at = clock_timestamp() where type = $1 and key = $2`,
      [type, key, jobId],
    );
  }

  async isOpen(tx: Tx, jobId: string): Promise<boolean> {
    const row = await queryOne(
      tx,
      `select 1 from jobs where id = $1 and completed_at is null and cancelled_at is null`,
      [jobId],
    );
    return row !== null;
  }

  /**
   * Whether the job has yet to start, or to start again. It cannot before this transaction ends: what was written in
   * here is there for it to see.
   */
  async isWaiting(tx: Tx, jobId: string): Promise<boolean> {
    const row = await queryOne(
      tx,
      `select 1 from jobs where id = $1 and status in ('pending', 'queued') for share`,
      [jobId],
    );
    return row !== null;
  }

  /**
   * Forgets keys whose job has ended or is gone. Only such that nobody has touched for a while: this statement may
   * not see yet what a transaction that has just given the key to a new job has made.
   */
  async forgetStale(tx: Tx, limit: number): Promise<number> {
    return execute(
      tx,
      `with stale as (
         select type, key from job_keys
          where updated_at < clock_timestamp() - interval '10 minutes'
            and not exists (select from jobs where jobs.id = job_keys.job_id and jobs.completed_at is null and jobs.cancelled_at is null)
          limit $1 for update skip locked)
       delete from job_keys using stale where job_keys.type = stale.type and job_keys.key = stale.key`,
      [limit],
    );
  }
}

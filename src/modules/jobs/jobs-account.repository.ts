import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { entities, execute, query, type Read, type Tx } from '../../kernel/database/index.js';
import { JobEntity } from './job.entity.js';
import { JobLogEntity } from './job-log.entity.js';

/** The jobs of one person as a whole. */
@Injectable()
export class JobsAccountRepository {
  /** Removes every job but the running ones, with their logs, and marks those for cancelling. */
  async removeAll(tx: Tx, userId: string): Promise<{ removed: number; running: string[] }> {
    // Held until the transaction ends, so that none begins or ends between the statements.
    const open = await query<{ id: string; status: string }>(
      tx,
      `select id, status from jobs where user_id = $1 and completed_at is null and cancelled_at is null
        order by id for update`,
      [userId],
    );
    const running = open.filter(({ status }) => status === 'running').map(({ id }) => id);
    await execute(
      tx,
      `update jobs set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), updated_at = clock_timestamp()
        where id = any($1::uuid[])`,
      [running],
    );
    // The logs first: left to the foreign key, each job would look for its own in every partition.
    await execute(
      tx,
      `delete from job_logs where job_id in (select id from jobs where user_id = $1 and status <> 'running')`,
      [userId],
    );
    await execute(tx, `delete from job_keys where user_id = $1`, [userId]);
    const removed = await execute(tx, `delete from jobs where user_id = $1 and status <> 'running'`, [
      userId,
    ]);
    return { removed, running };
  }

  async after(read: Read, userId: string, after: string, limit: number): Promise<JobEntity[]> {
    return entities(read, JobEntity)
      .createQueryBuilder('job')
      .where({ userId })
      .andWhere({ id: MoreThan(after) })
      .orderBy('job.id')
      .limit(limit)
      .getMany();
  }

  async idsAfter(read: Read, userId: string, after: string, limit: number): Promise<{ id: string }[]> {
    return query(read, `select id from jobs where user_id = $1 and id > $2 order by id limit $3`, [
      userId,
      after,
      limit,
    ]);
  }

  /** Log lines of some jobs, job by job and each in the order of its lines, behind a line of one of them. */
  async logsAfter(
    read: Read,
    jobIds: readonly string[],
    { jobId, id }: { readonly jobId: string; readonly id: string },
    limit: number,
  ): Promise<JobLogEntity[]> {
    return query<JobLogEntity>(
      read,
      `select id, job_id as "jobId", level, message, details, created_at as "createdAt" from job_logs
        where job_id = any($1::uuid[]) and (job_id, id) > ($2, $3) order by job_id, id limit $4`,
      [jobIds, jobId, id, limit],
    );
  }
}

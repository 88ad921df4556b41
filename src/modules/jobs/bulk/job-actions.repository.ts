import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { execute, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { JobStatus } from '../engine/job-status.js';
import type { JobEntity } from '../job.entity.js';
import { newestFirst, type JobFilter } from '../jobs-list.repository.js';
import { BULK_JOB_ACTION, type ActionTarget } from './job-action-target.js';

/** What an action has done so far. */
export interface ActionTally {
  /** How many were meant when it began. */
  readonly matched: number;
  readonly changed: number;
}

/** A job that an action holds, and nobody else can move. */
export type HeldJob = Pick<JobEntity, 'id' | 'type' | 'limitKey'>;

/** What an action on many jobs finds, and how it keeps count; the moves themselves are those of single jobs. */
@Injectable()
export class JobActionsRepository {
  /** Exactly, of everything the target means at this moment. */
  async count(read: Read, target: ActionTarget): Promise<number> {
    let count = 0;
    for (const status of target.statuses) {
      const builder = meant(read, target, status).orderBy().select('count(*)::integer', 'count');
      count += (await builder.getRawOne<{ count: number }>())?.count ?? 0;
    }
    return count;
  }

  /** The newest. */
  async sample(read: Read, target: ActionTarget, limit: number): Promise<string[]> {
    const found: string[] = [];
    for (const status of target.statuses) {
      const rows = await meant(read, target, status).select('job.id').limit(limit).getMany();
      found.push(...rows.map(({ id }) => id));
    }
    return found.toSorted().toReversed().slice(0, limit);
  }

  /** When the action was asked for, and what an attempt before this one has done. */
  async begun(read: Read, jobId: string): Promise<{ askedAt: Date; tally: ActionTally | null }> {
    const row = await queryOne<{ askedAt: Date; tally: ActionTally | null }>(
      read,
      // To the end of its millisecond: a Date is no finer, and what was made just before belongs to it.
      `select date_trunc('milliseconds', created_at) + interval '1 millisecond' as "askedAt", checkpoint as tally from jobs where id = $1`,
      [jobId],
    );
    return row!;
  }

  /** Of those in this status, the newest behind the cursor that nobody else is just moving. */
  async hold(
    tx: Tx,
    target: ActionTarget,
    status: JobStatus,
    cursor: string | undefined,
    limit: number,
  ): Promise<HeldJob[]> {
    return meant(tx, target, status, cursor)
      .select(['job.id', 'job.type', 'job.limitKey'])
      .limit(limit)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
  }

  /** Of an action whose row is held. */
  async keep(tx: Tx, jobId: string, tally: ActionTally): Promise<void> {
    await execute(tx, `update jobs set checkpoint = $2 where id = $1`, [jobId, JSON.stringify(tally)]);
  }
}

/**
 * Never an action itself. A job that was changed is not meant again: what waits or runs has been asked to stop, and
 * what failed once more has ended after the request.
 */
function meant(
  read: Read,
  { filter, askedAt }: ActionTarget,
  status: JobStatus,
  cursor?: string,
): SelectQueryBuilder<JobEntity> {
  const { createdBefore } = filter;
  const before = createdBefore !== undefined && createdBefore < askedAt ? createdBefore : askedAt;
  const narrowed: JobFilter = { ...filter, status, createdBefore: before };
  const builder = newestFirst(read, narrowed, cursor).andWhere('job.type <> :action', {
    action: BULK_JOB_ACTION,
  });
  if (status === 'running') builder.andWhere('job.cancel_requested_at is null');
  if (status === 'failed') builder.andWhere('job.completed_at < :askedAt', { askedAt });
  if (status === 'cancelled') builder.andWhere('job.cancelled_at < :askedAt', { askedAt });
  return builder;
}

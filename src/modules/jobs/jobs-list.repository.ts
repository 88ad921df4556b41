import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { entities, queryOne, type PageRequest, type Read } from '../../kernel/database/index.js';
import { inFlight, type JobStatus } from './engine/job-status.js';
import { JobEntity } from './job.entity.js';

/** Which jobs are meant; what is absent restricts nothing. */
export interface JobFilter {
  /** Absent: everybody's. */
  readonly userId?: string | undefined;
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly scheduleId?: string | undefined;
  readonly createdAfter?: Date | undefined;
  readonly createdBefore?: Date | undefined;
}

/** What a status means in moments: the predicates of the partial indexes that lists are read along (ADR 3). */
const MOMENTS: Readonly<Record<JobStatus, string>> = {
  pending: 'job.run_at is not null',
  queued: inFlight('job'),
  running: inFlight('job'),
  completed: 'job.completed_at is not null',
  failed: 'job.completed_at is not null and job.error is not null',
  cancelled: 'job.cancelled_at is not null',
};

/**
 * Ids carry the time of their making, so a range of time is a range of ids, which ends a search where the time ends
 * and leaves out whole months. What `created_at` says decides; the bounds are wider, because the clocks of processes
 * differ, and an id that is derived from what calls for the job can be older than it.
 */
const LATE_ID = `interval '1 hour'`;
const EARLY_ID = `interval '5 minutes'`;
const ID_BEFORE = `uuid_v7_floor(cast(:createdBefore as timestamptz) + ${EARLY_ID})`;
const EPOCH = `timestamptz '1970-01-01T00:00:00Z'`;

/** Behind every id: where the first page begins. */
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
/** So few at any time that one index of ids does for everybody's. */
const FLYING: readonly JobStatus[] = ['queued', 'running'];

/** Lists of jobs: newest first, at the same cost however deep and however rare what is asked for. */
@Injectable()
export class JobsListRepository {
  /** One row more than the limit. Keyset: the cursor is an id. */
  async page(read: Read, { limit, cursor, ...filter }: JobFilter & PageRequest): Promise<JobEntity[]> {
    return newestFirst(read, filter, cursor)
      .limit(limit + 1)
      .getMany();
  }

  /** For clients that count rows instead of following a cursor: what is skipped is read. */
  async slice(read: Read, userId: string, limit: number, offset: number): Promise<JobEntity[]> {
    return newestFirst(read, { userId }).limit(limit).offset(offset).getMany();
  }

  /** How many jobs somebody has, counted up to `most`. */
  async countUpTo(read: Read, userId: string, most: number): Promise<number> {
    const row = await queryOne<{ count: number }>(
      read,
      `select count(*)::integer as count from (select 1 from jobs where user_id = $1 limit $2) counted`,
      [userId, most],
    );
    return row!.count;
  }
}

/** The jobs, named `job`, that a filter means. */
export function jobsThat(read: Read, filter: JobFilter): SelectQueryBuilder<JobEntity> {
  const { userId, status, type, scheduleId, createdAfter, createdBefore } = filter;
  const builder = entities(read, JobEntity).createQueryBuilder('job');
  if (userId !== undefined) builder.andWhere('job.user_id = :userId', { userId });
  if (status !== undefined) builder.andWhere(`${MOMENTS[status]} and job.status = :status`, { status });
  if (type !== undefined) builder.andWhere('job.type = :type', { type });
  if (scheduleId !== undefined) builder.andWhere('job.schedule_id = :scheduleId', { scheduleId });
  if (createdAfter !== undefined)
    builder.andWhere(
      `job.created_at > :createdAfter and job.id >= uuid_v7_floor(greatest(cast(:createdAfter as timestamptz) - ${LATE_ID}, ${EPOCH}))`,
      { createdAfter },
    );
  if (createdBefore !== undefined)
    builder.andWhere(`job.created_at < :createdBefore and job.id < ${ID_BEFORE}`, { createdBefore });
  return builder;
}

/**
 * Where an index of the owner or of the schedule is to be read along, place and order are named as it has them: by
 * two columns, the first of which is bounded by comparisons. With an equality the planner would know that the order
 * is that of ids alone, take the primary key where the owner has many jobs, and read through everybody's newer ones;
 * with a strict comparison of rows it would expect no rows, and sort them all.
 */
export function newestFirst(read: Read, filter: JobFilter, cursor?: string): SelectQueryBuilder<JobEntity> {
  const along = indexOf(filter);
  const builder = jobsThat(read, along ? { ...filter, [along]: undefined } : filter);
  if (along) {
    const column = COLUMNS[along];
    const place = filter.createdBefore === undefined ? ':place' : `least(cast(:place as uuid), ${ID_BEFORE})`;
    builder
      .andWhere(`(${column}, job.id) <= (:along, ${place}) and ${column} >= :along`)
      .setParameters({ along: filter[along], place: cursor ?? NEWEST })
      .orderBy(`job.${along}`, 'DESC');
  }
  // A place is what comes before a row, and leaves out later months.
  if (cursor !== undefined) builder.andWhere('job.id < :cursor', { cursor });
  return builder.addOrderBy('job.id', 'DESC');
}

const COLUMNS = { userId: 'job.user_id', scheduleId: 'job.schedule_id' } as const;

/** Whose index is read along; undefined: one on ids alone. */
function indexOf({ status, userId, scheduleId }: JobFilter): keyof typeof COLUMNS | undefined {
  if (status !== undefined && FLYING.includes(status)) return undefined;
  if (scheduleId !== undefined && (status === undefined || status === 'completed')) return 'scheduleId';
  return userId === undefined ? undefined : 'userId';
}

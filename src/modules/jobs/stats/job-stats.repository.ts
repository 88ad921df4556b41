import { Injectable } from '@nestjs/common';
import { query, queryOne, type Read } from '../../../kernel/database/index.js';
import { JOB_STATUSES, type JobStatus } from '../engine/job-status.js';
import type { StatusCounts, TimesView } from './job-stats.schema.js';

/** Of one type; of all of them where it is null. */
export interface StatsGroup extends StatusCounts {
  readonly type: string | null;
  readonly jobs: number;
  readonly retries: number;
  readonly waits: TimesView;
  readonly runs: TimesView;
}

export interface StatsOfRows {
  readonly groups: StatsGroup[];
  readonly failures: { readonly code: string; readonly jobs: number }[];
  /** When the oldest of them was made. */
  readonly oldest: Date | null;
}

export interface OpenCount {
  readonly type: string;
  readonly status: JobStatus;
  readonly jobs: number;
}

const ms = (interval: string): string => `extract(epoch from ${interval})::double precision * 1000`;
const times = (column: string): string =>
  `jsonb_build_object('jobs', count(${column}), 'meanMs', avg(${column}), 'maxMs', max(${column}),
     'p50Ms', percentile_cont(0.5) within group (order by ${column}), 'p95Ms', percentile_cont(0.95) within group (order by ${column}))`;
const having = (status: JobStatus): string => `count(*) filter (where status = '${status}') as ${status}`;

/** Statistics from the rows of jobs themselves. */
@Injectable()
export class JobStatsRepository {
  /** Of the newest `limit` jobs that the user made within the period. The bounds are of ids, so other months are not read. */
  async ofUser(read: Read, userId: string, from: Date, to: Date, limit: number): Promise<StatsOfRows> {
    const row = await queryOne<StatsOfRows>(
      read,
      `with made as materialized (
         select type, status, error_code, retry_count, created_at,
                case when lease_epoch = 1 and started_at is not null then greatest(0, ${ms('started_at - greatest(created_at, scheduled_for)')}) end as waited,
                case when started_at <= coalesce(completed_at, cancelled_at) then ${ms('coalesce(completed_at, cancelled_at) - started_at')} end as ran
           from jobs where user_id = $1 and id >= uuid_v7_floor($2) and id < uuid_v7_floor($3) order by id desc limit $4),
       groups as (
         select type, count(*) as jobs, sum(retry_count) as retries, ${times('waited')} as waits, ${times('ran')} as runs, ${JOB_STATUSES.map(having).join(', ')}
           from made group by grouping sets ((type), ())),
       failures as (
         select coalesce(error_code, '') as code, count(*) as jobs from made where status = 'failed' group by 1 order by 2 desc, 1)
       select coalesce((select jsonb_agg(to_jsonb(groups)) from groups), '[]') as groups,
              coalesce((select jsonb_agg(to_jsonb(failures)) from failures), '[]') as failures,
              (select min(created_at) from made) as oldest`,
      [userId, from, to, limit],
    );
    return row!;
  }

  /** What is open now, of everybody. Reads at most `bound` rows of each kind. */
  async open(read: Read, bound: number): Promise<OpenCount[]> {
    return query<OpenCount>(
      read,
      `select type, status, count(*)::integer as jobs from (
         (select type, status from jobs where turn is not null and limit_key is null limit $1)
         union all
         (select type, status from jobs where turn is not null and limit_key is not null limit $1)
         union all
         (select type, status from jobs where run_at is not null and turn is null limit $1)
         union all
         (select type, status from jobs where run_at is null and completed_at is null and cancelled_at is null limit $1)) as open
        group by type, status`,
      [bound],
    );
  }

  async now(read: Read): Promise<Date> {
    const row = await queryOne<{ now: Date }>(read, `select clock_timestamp() as now`);
    return row!.now;
  }
}

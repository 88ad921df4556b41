import { Injectable } from '@nestjs/common';
import { query, type Read, type Tx } from '../../../kernel/database/index.js';
import { IN_FLIGHT, type JobStatus } from '../engine/job-status.js';
import { alongIndexes } from '../queues/along-indexes.repository.js';

/** Jobs of one kind: of one type, status and error, and of one bucket for how long they waited and ran. */
export interface JobsOfKind {
  readonly type: string;
  readonly status: JobStatus;
  readonly errorCode: string;
  readonly jobs: number;
  readonly retries: number;
  /** Null where they have not waited (not run) to an end. */
  readonly waitedBucket: number | null;
  readonly waitedMs: number | null;
  readonly waitedMaxMs: number | null;
  readonly ranBucket: number | null;
  readonly ranMs: number | null;
  readonly ranMaxMs: number | null;
  /** When the first of them was made. */
  readonly oldest: Date;
}

export interface OpenCount {
  readonly type: string;
  readonly status: JobStatus;
  readonly jobs: number;
}

const ms = (interval: string): string => `extract(epoch from ${interval})::double precision * 1000`;
/** As `bucketOf` has it. */
const bucket = (column: string): string =>
  `case when ${column} is not null then least(63, floor(2 * ln(greatest(1, ${column})) / ln(2::double precision)))::integer end`;

/** Statistics from the rows of jobs themselves. */
@Injectable()
export class JobStatsRepository {
  /**
   * The newest `limit` jobs that the user made within the period, by kind. The bounds are of ids, so other months are
   * not read; one pass without a sort, because that is what would take longest.
   */
  async ofUser(read: Read, userId: string, from: Date, to: Date, limit: number): Promise<JobsOfKind[]> {
    return query<JobsOfKind>(
      read,
      `with made as (
         select type, status, coalesce(error_code, '') as error_code, retry_count, created_at,
                case when lease_epoch = 1 and started_at is not null then greatest(0, ${ms('started_at - greatest(created_at, scheduled_for)')}) end as waited,
                case when started_at <= coalesce(completed_at, cancelled_at) then ${ms('coalesce(completed_at, cancelled_at) - started_at')} end as ran
           from jobs where user_id = $1 and id >= uuid_v7_floor($2) and id < uuid_v7_floor($3) order by id desc limit $4)
       select type, status, error_code as "errorCode", count(*)::integer as jobs, sum(retry_count)::integer as retries,
              ${bucket('waited')} as "waitedBucket", sum(waited) as "waitedMs", max(waited) as "waitedMaxMs",
              ${bucket('ran')} as "ranBucket", sum(ran) as "ranMs", max(ran) as "ranMaxMs", min(created_at) as oldest
         from made group by type, status, error_code, ${bucket('waited')}, ${bucket('ran')}`,
      [userId, from, to, limit],
    );
  }

  /** What is open now, of everybody. Reads at most `bound` rows of each kind. */
  async open(tx: Tx, bound: number): Promise<OpenCount[]> {
    await alongIndexes(tx);
    return query<OpenCount>(
      tx,
      `select type, status, count(*)::integer as jobs from (
         (select type, status from jobs where turn is not null and limit_key is null limit $1)
         union all
         (select type, status from jobs where turn is not null and limit_key is not null limit $1)
         union all
         (select type, status from jobs where run_at is not null and turn is null limit $1)
         union all
         (select type, status from jobs where ${IN_FLIGHT} limit $1)) as open
        group by type, status`,
      [bound],
    );
  }
}

import { Injectable } from '@nestjs/common';
import { In, LessThan } from 'typeorm';
import {
  columnsOf,
  entities,
  execute,
  query,
  queryOne,
  type PageRequest,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import type { QueueName } from '../../kernel/queue/index.js';
import { JOB_LOG_LEVELS, type JobLogLevel } from './definition/define-job.js';
import type { EndedJob } from './engine/job-moves.repository.js';
import { JobEntity } from './job.entity.js';
import { JobLogEntity } from './job-log.entity.js';

export interface NewJob {
  readonly id: string;
  /** Null for the system's own. */
  readonly userId: string | null;
  readonly type: string;
  readonly queue: QueueName;
  readonly priority: number;
  readonly payload: unknown;
  readonly maxRetries: number;
  readonly timeoutSeconds: number;
  readonly scheduledFor: Date | null;
  readonly scheduleId: string | null;
  readonly requestId: string | null;
  /** The limit of its type that it falls under; null where the type has none. */
  readonly limitKey: string | null;
  /** Its place among the due jobs of its queue and priority; null where that is decided when its time has come. */
  readonly turn: number | null;
}

const COLUMNS = columnsOf(JobEntity);

const INSERT = `insert into jobs (id, user_id, type, queue, priority, payload, max_retries, timeout_seconds, scheduled_for, schedule_id, request_id, limit_key, run_at, turn)
       select n.id, n.user_id, n.type, n.queue, n.priority, n.payload, n.max_retries, n.timeout_seconds, n.scheduled_for, n.schedule_id, n.request_id, n.limit_key,
              greatest(n.scheduled_for, now()), case when n.scheduled_for is null or n.scheduled_for <= now() then n.turn end
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::jsonb[], $7::integer[], $8::integer[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::bigint[])
              as n(id, user_id, type, queue, priority, payload, max_retries, timeout_seconds, scheduled_for, schedule_id, request_id, limit_key, turn)`;

const FIND = `select ${COLUMNS} from jobs where id = (select $1::uuid)`;

const INSERT_ONE = `${INSERT} returning ${COLUMNS}`;

/** Jobs as clients see them: creating, reading, and the moves a person makes, each guarded by the status it begins from. The engine's own moves are in `engine/`. */
@Injectable()
export class JobsRepository {
  /** One statement for any number of jobs. Due at once, or at `scheduledFor` when that lies ahead of the database's clock. */
  async insert(tx: Tx, jobs: readonly NewJob[]): Promise<void> {
    await execute(tx, INSERT, valuesOf(jobs), 'jobs_insert');
  }

  /** The same for one, which is answered as it was stored: to look for it costs as much again. */
  async insertOne(tx: Tx, job: NewJob): Promise<JobEntity> {
    const row = await queryOne<JobEntity>(tx, INSERT_ONE, valuesOf([job]), 'jobs_insert_one');
    return row!;
  }

  /** The id is hidden from the planner: knowing it, it would plan all partitions anew each time, to save one of them. */
  async find(read: Read, id: string): Promise<JobEntity | null> {
    return queryOne<JobEntity>(read, FIND, [id], 'jobs_find');
  }

  /** Those of the ids that there is a job of. */
  async known(read: Read, ids: readonly string[]): Promise<string[]> {
    const rows = await query<{ id: string }>(read, `select id from jobs where id = any($1::uuid[])`, [ids]);
    return rows.map(({ id }) => id);
  }

  async savepoint(tx: Tx): Promise<void> {
    await execute(tx, 'savepoint job_request');
  }

  async releaseSavepoint(tx: Tx): Promise<void> {
    await execute(tx, 'release savepoint job_request');
  }

  /** The savepoint stays and can be gone back to again. */
  async rollbackToSavepoint(tx: Tx): Promise<void> {
    await execute(tx, 'rollback to savepoint job_request');
  }

  /** `pending | queued → cancelled`, at once. Answers those that moved. */
  async cancelWaiting(tx: Tx, ids: readonly string[]): Promise<EndedJob[]> {
    return query<EndedJob>(
      tx,
      `update jobs set status = 'cancelled', run_at = null, turn = null, cancelled_at = greatest(clock_timestamp(), created_at, started_at), updated_at = clock_timestamp()
        where id = any($1::uuid[]) and status in ('pending', 'queued')
       returning id, user_id as "userId", type, schedule_id as "scheduleId", status, queue,
                 null as error, null as "errorCode", null as "waitedMs", null as "ranMs"`,
      [ids],
    );
  }

  /**
   * Both moves for every open job of a schedule that nobody is just moving: whoever holds a row writes others, too, and
   * to wait for it could be to wait for each other. `stopping` are those that had not been asked before.
   */
  async stopOpenOf(tx: Tx, scheduleId: string): Promise<{ cancelled: EndedJob[]; stopping: string[] }> {
    const rows = await query<{ id: string; status: string; asked: boolean }>(
      tx,
      `select id, status, cancel_requested_at is not null as asked from jobs
        where schedule_id = $1 and completed_at is null and cancelled_at is null
        order by id for update skip locked`,
      [scheduleId],
    );
    const waiting = rows.flatMap(({ id, status }) => (status === 'running' ? [] : id));
    const running = rows.flatMap(({ id, status, asked }) => (status === 'running' && !asked ? id : []));
    const cancelled = waiting.length > 0 ? await this.cancelWaiting(tx, waiting) : [];
    return { cancelled, stopping: running.length > 0 ? await this.requestCancel(tx, running) : [] };
  }

  /** Marks running jobs for cancelling; their worker sees the mark at its next beat if the push is lost. Answers those that run. */
  async requestCancel(tx: Tx, ids: readonly string[]): Promise<string[]> {
    const rows = await query<{ id: string }>(
      tx,
      `update jobs set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), updated_at = clock_timestamp()
        where id = any($1::uuid[]) and status = 'running' returning id`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  /** `failed | cancelled → pending` by hand, with a fresh set of attempts, under the limits of now. Answers those that moved. */
  async retryEnded(tx: Tx, jobs: readonly Pick<JobEntity, 'id' | 'limitKey'>[]): Promise<string[]> {
    const rows = await query<{ id: string }>(
      tx,
      `update jobs set status = 'pending', run_at = now(), retry_count = 0, crash_count = 0, progress = 0, progress_detail = null,
              checkpoint = null, result = null, error = null, error_code = null, worker_id = null, cancel_requested_at = null,
              completed_at = null, cancelled_at = null, limit_key = again.limit_key, updated_at = clock_timestamp()
         from unnest($1::uuid[], $2::text[]) as again(id, limit_key)
        where jobs.id = any ($1) and jobs.id = again.id and jobs.status in ('failed', 'cancelled')
       returning jobs.id`,
      [jobs.map(({ id }) => id), jobs.map(({ limitKey }) => limitKey)],
    );
    return rows.map(({ id }) => id);
  }

  /** Whether any job of the schedule has not ended: for its overlap policy. */
  async hasOpenJob(read: Read, scheduleId: string): Promise<boolean> {
    const row = await queryOne(
      read,
      `select 1 from jobs where schedule_id = $1 and completed_at is null and cancelled_at is null limit 1`,
      [scheduleId],
    );
    return row !== null;
  }

  /** The same for many: the ids of those that have one. One look at the index for each, however many jobs it has. */
  async openAmong(read: Read, scheduleIds: readonly string[]): Promise<Set<string>> {
    const rows = await query<{ id: string }>(
      read,
      `select id from unnest($1::uuid[]) as schedule (id)
        where exists (select from jobs where schedule_id = schedule.id and completed_at is null and cancelled_at is null)`,
      [scheduleIds],
      'jobs_open_among',
    );
    return new Set(rows.map(({ id }) => id));
  }

  async logs(
    read: Read,
    jobId: string,
    page: PageRequest & { level?: JobLogLevel | undefined; minLevel?: JobLogLevel | undefined },
  ): Promise<JobLogEntity[]> {
    const builder = entities(read, JobLogEntity)
      .createQueryBuilder('line')
      .where({ jobId })
      .orderBy('line.id', 'DESC')
      .limit(page.limit + 1);
    if (page.cursor !== undefined && page.cursor !== null) builder.andWhere({ id: LessThan(page.cursor) });
    if (page.level !== undefined) builder.andWhere({ level: page.level });
    if (page.minLevel !== undefined)
      builder.andWhere({ level: In(JOB_LOG_LEVELS.slice(JOB_LOG_LEVELS.indexOf(page.minLevel))) });
    return builder.getMany();
  }
}

const valuesOf = (jobs: readonly NewJob[]): unknown[] => [
  jobs.map((job) => job.id),
  jobs.map((job) => job.userId),
  jobs.map((job) => job.type),
  jobs.map((job) => job.queue),
  jobs.map((job) => job.priority),
  jobs.map((job) => JSON.stringify(job.payload)),
  jobs.map((job) => job.maxRetries),
  jobs.map((job) => job.timeoutSeconds),
  jobs.map((job) => job.scheduledFor),
  jobs.map((job) => job.scheduleId),
  jobs.map((job) => job.requestId),
  jobs.map((job) => job.limitKey),
  jobs.map((job) => job.turn),
];

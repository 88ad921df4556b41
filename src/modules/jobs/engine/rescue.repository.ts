import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import { ENDED_COLUMNS, MAX_CRASHES, WORKER_SILENCE_SECONDS, type EndedJob } from './job-moves.repository.js';
import { IN_FLIGHT } from './job-status.js';
import { ALIVE } from './workers.repository.js';

/**
 * How long a worker counts as newly silent: several passes, because a row that another transaction holds is passed
 * over, and is free a moment later.
 */
const NEWS_SECONDS = 10;

/** One process at a time sends back what a wiped queue held, so that the rate holds for all of them together. */
const SEND_BACK_LOCK = `hashtextextended('steward jobs send back', 0)`;

/** How far the messages of a queue reach back. */
export interface QueueReach {
  readonly queue: QueueName;
  /** Jobs dispatched before it have no message any more; null when no message waits. */
  readonly before: Date | null;
}

/** The moves that put right what a crash or a lost message left behind. */
@Injectable()
export class RescueRepository {
  /** The clock, and whether a worker has fallen silent: all that has to be asked while everybody is well. */
  async look(read: Read): Promise<{ now: Date; newlySilent: boolean }> {
    const row = await queryOne<{ now: Date; newlySilent: boolean }>(
      read,
      `select clock_timestamp() as now, exists (select from workers
         where beat_at <= clock_timestamp() - make_interval(secs => $1)
           and beat_at > clock_timestamp() - make_interval(secs => $1 + $2)) as "newlySilent"`,
      [WORKER_SILENCE_SECONDS, NEWS_SECONDS],
    );
    return row!;
  }

  /**
   * `running → pending | failed | cancelled` for jobs whose worker is dead or unknown. Answers those that moved:
   * none when the statement itself came to a standstill after `lookedAt`, because then nobody could beat either. Jobs
   * of the types `notAgain` are not run a second time.
   */
  async rescue(tx: Tx, lookedAt: Date, notAgain: readonly string[]): Promise<EndedJob[]> {
    return query<EndedJob>(
      tx,
      `with orphan as (
         select id from jobs
          where ${IN_FLIGHT} and status = 'running'
            and clock_timestamp() < $2::timestamptz + interval '5 seconds'
            and not exists (select from workers where workers.id = jobs.worker_id and ${ALIVE})
          order by id for update skip locked),
       verdict as (
         select jobs.id, case when cancel_requested_at is not null then 'cancelled' when crash_count + 1 >= $1 or type = any($3::text[]) then 'failed' else 'pending' end as status
           from jobs join orphan using (id))
       update jobs set status = v.status, crash_count = crash_count + 1, worker_id = null,
              run_at = case when v.status = 'pending' then now() end,
              error = case when v.status <> 'failed' then null when type = any($3::text[]) then 'Its worker died while running it, and it may not be run twice.'
                           else format('Its worker died %s times while running it.', crash_count + 1) end,
              error_code = case when v.status <> 'failed' then null when type = any($3::text[]) then 'interrupted' else 'poison' end,
              completed_at = case when v.status = 'failed' then greatest(clock_timestamp(), started_at) end,
              cancelled_at = case when v.status = 'cancelled' then greatest(clock_timestamp(), started_at) end,
              updated_at = clock_timestamp()
         from verdict v where jobs.id = v.id and jobs.status = 'running'
       returning ${ENDED_COLUMNS}`,
      [MAX_CRASHES, lookedAt, notAgain],
    );
  }

  /** `queued → pending` for jobs whose hint must have got lost: those too old for the messages that wait. */
  async requeueLost(tx: Tx, reaches: readonly QueueReach[], olderThanSeconds: number): Promise<number> {
    return execute(
      tx,
      `update jobs set status = 'pending', run_at = now(), updated_at = clock_timestamp()
         from unnest($1::text[], $2::timestamptz[]) as reach(queue, before)
        where ${IN_FLIGHT} and jobs.status = 'queued' and jobs.queue = reach.queue
          and jobs.dispatched_at < clock_timestamp() - make_interval(secs => $3)
          and (reach.before is null or jobs.dispatched_at < reach.before)`,
      [reaches.map(({ queue }) => queue), reaches.map(({ before }) => before), olderThanSeconds],
    );
  }

  /**
   * `queued → pending` for the next jobs after `after` that were dispatched before the queue's store began to hold
   * what it holds. Null: another process is doing it at this moment.
   */
  async sendBack(
    tx: Tx,
    before: Date,
    after: string,
    limit: number,
  ): Promise<{ jobs: number; last: string | null } | null> {
    const lock = await queryOne<{ mine: boolean }>(
      tx,
      `select pg_try_advisory_xact_lock(${SEND_BACK_LOCK}) as mine`,
    );
    if (!lock?.mine) return null;
    return queryOne<{ jobs: number; last: string | null }>(
      tx,
      `with lost as (
         select id from jobs
          where ${IN_FLIGHT} and status = 'queued' and dispatched_at < $1 and id > $2
          order by id limit $3 for update skip locked),
       moved as (
         update jobs set status = 'pending', run_at = now(), updated_at = clock_timestamp()
           from lost where jobs.id = lost.id and jobs.status = 'queued' returning jobs.id)
       select count(*)::integer as jobs, max(id::text collate "C") as last from moved`,
      [before, after, limit],
    );
  }
}

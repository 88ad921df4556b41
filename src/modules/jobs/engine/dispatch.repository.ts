import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { Floor, LaneTurn } from './fair-turns.js';

export interface DispatchedJob {
  readonly id: string;
  readonly type: string;
  readonly userId: string | null;
  readonly priority: number;
  /** The turn it had. */
  readonly turn: number;
  readonly dispatchNo: number;
  readonly dispatchedAt: Date;
  /** How long it was due by then. */
  readonly lagSeconds: number;
}

/** A pending job whose time has come and that has no turn yet. */
export interface DueJob {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly limitKey: string | null;
  readonly priority: number;
  readonly userId: string | null;
}

/** What a look at the jobs that wait for their time has shown. */
export interface Later {
  /** Of the look, by the database's clock. */
  readonly at: Date;
  /** The time of some has come. */
  readonly due: boolean;
  /** Until the time of the next one comes; null: none waits. */
  readonly nextInMs: number | null;
}

export const PRIORITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;

/**
 * How jobs come from waiting to the queue: becoming due, and the move `dispatch`.
 *
 * Every look begins at a floor, because an old snapshot anywhere in the server keeps the index entries of what was
 * moved on since: without one, each look would step over all of them again.
 *
 * Nothing here needs to survive a crash of the server (ADR 16): a lost commit leaves the job pending, and it is
 * dispatched once more under the same number.
 */
@Injectable()
export class DispatchRepository {
  /** Looks at the jobs whose time comes after `since`. */
  async later(read: Read, since: Date): Promise<Later> {
    const row = await queryOne<Later>(
      read,
      `select now() as at,
              exists (select from jobs where turn is null and run_at >= $1 and run_at <= now()) as due,
              (select extract(epoch from run_at - clock_timestamp())::double precision * 1000
                 from jobs where turn is null and run_at > now() order by run_at limit 1) as "nextInMs"`,
      [since],
      'jobs_later',
    );
    return row!;
  }

  /** Pending jobs whose time has come, the longest overdue first; they are this transaction's alone. */
  async lockDue(tx: Tx, since: Date, limit: number): Promise<DueJob[]> {
    return query<DueJob>(
      tx,
      `select id, queue, type, limit_key as "limitKey", priority, user_id as "userId" from jobs
        where turn is null and run_at >= $1 and run_at <= now() order by run_at, id limit $2 for update skip locked`,
      [since, limit],
      'jobs_lock_due',
    );
  }

  async giveTurns(tx: Tx, turns: ReadonlyMap<string, number>): Promise<void> {
    await execute(
      tx,
      `with ${RELAXED}
       update jobs set turn = due.turn, updated_at = clock_timestamp()
         from relaxed, unnest($1::uuid[], $2::bigint[]) as due(id, turn)
        where jobs.id = due.id and jobs.status = 'pending' and jobs.turn is null`,
      [[...turns.keys()], [...turns.values()]],
    );
  }

  /**
   * `pending → queued` for due jobs of types without limits: by priority, then turn. Concurrent dispatchers share
   * them out by SKIP LOCKED. `floors`: where to begin at each of `PRIORITIES`.
   */
  async dispatchDue(
    read: Read,
    queue: string,
    limit: number,
    floors: readonly Floor[],
  ): Promise<DispatchedJob[]> {
    const jobs = await query<DispatchedJob>(
      read,
      `with ${RELAXED},
       due as (
         select waiting.id, waiting.turn, waiting.run_at
           from relaxed, unnest($3::smallint[], $4::bigint[], $5::uuid[]) as lane(priority, turn, id)
          cross join lateral (
            select jobs.id, jobs.turn, jobs.run_at from jobs
             where queue = $1 and priority = lane.priority and turn is not null and limit_key is null and (select queue_is_open($1))
               and (jobs.turn, jobs.id) >= (lane.turn, lane.id)
             order by jobs.turn, jobs.id limit $2 for update skip locked) as waiting
          limit $2)
       update jobs set status = 'queued', run_at = null, turn = null, dispatch_no = dispatch_no + 1, dispatched_at = clock_timestamp(), updated_at = clock_timestamp()
         from due where jobs.id = due.id and jobs.status = 'pending'
       returning jobs.id, jobs.type, jobs.user_id as "userId", jobs.priority, due.turn::double precision as turn, jobs.dispatch_no as "dispatchNo", jobs.dispatched_at as "dispatchedAt",
                 extract(epoch from clock_timestamp() - due.run_at)::double precision as "lagSeconds"`,
      [queue, limit, PRIORITIES, floors.map(({ turn }) => turn), floors.map(({ id }) => id)],
      'jobs_dispatch_due',
    );
    return jobs.toSorted((a, b) => a.priority - b.priority || a.turn - b.turn || (a.id < b.id ? -1 : 1));
  }

  /** `queued → pending` for jobs that were dispatched a moment ago and whose hints could not be sent. */
  async takeBack(read: Read, jobs: readonly DispatchedJob[]): Promise<void> {
    await execute(
      read,
      `update jobs set status = 'pending', run_at = now(), updated_at = clock_timestamp()
         from unnest($1::uuid[], $2::integer[]) as sent(id, dispatch_no)
        where jobs.id = sent.id and jobs.status = 'queued' and jobs.dispatch_no = sent.dispatch_no`,
      [jobs.map(({ id }) => id), jobs.map(({ dispatchNo }) => dispatchNo)],
    );
  }

  /** How far the lanes have come, as of about a second ago. */
  async turns(read: Read): Promise<LaneTurn[]> {
    return query<LaneTurn>(
      read,
      `select lane, priority, turn::double precision as turn from job_turns`,
      [],
      'job_turns_read',
    );
  }

  /** Never back: a process that knows less writes nothing. In one order for all, so that nobody waits in a circle. */
  async saveTurns(read: Read, turns: readonly LaneTurn[]): Promise<void> {
    await execute(
      read,
      `with ${RELAXED}
       insert into job_turns (lane, priority, turn)
       select lane, priority, turn from relaxed, unnest($1::text[], $2::smallint[], $3::bigint[]) as known(lane, priority, turn) order by lane, priority
       on conflict (lane, priority) do update set turn = excluded.turn where job_turns.turn < excluded.turn`,
      [turns.map(({ lane }) => lane), turns.map(({ priority }) => priority), turns.map(({ turn }) => turn)],
    );
  }

  /** Queue messages that the workers alive handle at the same time, by queue. */
  async slots(read: Read, silenceSeconds: number): Promise<ReadonlyMap<string, number>> {
    const rows = await query<{ queue: string; slots: number }>(
      read,
      `select queue, sum(slots)::integer as slots from workers cross join unnest(queues) as queue
        where beat_at > clock_timestamp() - make_interval(secs => $1) group by queue`,
      [silenceSeconds],
      'workers_slots',
    );
    return new Map(rows.map(({ queue, slots }) => [queue, slots]));
  }
}

/** The commit does not wait for the disk; `relaxed` must be among what the statement reads, or it is left out. */
const RELAXED = `relaxed as materialized (select set_config('synchronous_commit', 'off', true))`;

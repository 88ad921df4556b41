import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { Floor, LaneTurn } from './fair-turns.js';

/** A job as a hint names it: a hint of an older dispatch, or one delivered twice, claims nothing. */
export type Claim = readonly [jobId: string, dispatchNo: number];

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

/** Part of a lane. */
export interface Span {
  readonly from: Floor;
  readonly upTo: number;
}

/** Above every turn. */
export const NO_END = Number.MAX_SAFE_INTEGER;

export const PRIORITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;

/** The commit does not wait for the disk; `relaxed` must be among what the statement reads, or it is left out. */
const RELAXED = `relaxed as materialized (select set_config('synchronous_commit', 'off', true))`;

/**
 * Joined by `any` as well: by its estimates the planner would rather read the whole table than find so many rows by
 * their ids. What is asked for is hidden from it (`asked`), so that a plan for these values looks no better to it than
 * the one it has kept: planning, with all partitions, takes several times as long as the statement itself.
 *
 * `queue`, `limit`, and for each priority where to begin and up to which turn: priorities, turns, ids, last turns.
 */
export const DISPATCH_DUE = `
  with ${RELAXED},
  asked as materialized (select $1::text as queue, $2::integer as jobs),
  due as (
    select waiting.id, waiting.turn, waiting.run_at
      from relaxed, unnest($3::smallint[], $4::bigint[], $5::uuid[], $6::bigint[]) as lane(priority, turn, id, up_to)
     cross join lateral (
       select jobs.id, jobs.turn, jobs.run_at from jobs
        where queue = (select queue from asked) and priority = lane.priority and turn is not null and limit_key is null
          and (jobs.turn, jobs.id) >= (lane.turn, lane.id) and jobs.turn <= lane.up_to and (select queue_is_open(queue) from asked)
        order by jobs.turn, jobs.id limit (select asked.jobs from asked) for update skip locked) as waiting
     limit (select asked.jobs from asked))
  update jobs set status = 'queued', run_at = null, turn = null, dispatch_no = dispatch_no + 1, dispatched_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where jobs.id = any (array (select id from due)) and jobs.id = due.id and jobs.status = 'pending'
  returning jobs.id, jobs.type, jobs.user_id as "userId", jobs.priority, due.turn::double precision as turn, jobs.dispatch_no as "dispatchNo", jobs.dispatched_at as "dispatchedAt",
    extract(epoch from clock_timestamp() - due.run_at)::double precision as "lagSeconds"`;

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
        where jobs.id = any ($1) and jobs.id = due.id and jobs.status = 'pending' and jobs.turn is null`,
      [[...turns.keys()], [...turns.values()]],
    );
  }

  /**
   * `pending → queued` for due jobs of types without limits: by priority, then turn. Concurrent dispatchers share
   * them out by SKIP LOCKED. `spans`: where to begin and where to end at each of `PRIORITIES`.
   */
  async dispatchDue(
    read: Read,
    queue: string,
    limit: number,
    spans: readonly Span[],
  ): Promise<DispatchedJob[]> {
    const jobs = await query<DispatchedJob>(
      read,
      DISPATCH_DUE,
      [
        queue,
        limit,
        PRIORITIES,
        spans.map(({ from }) => from.turn),
        spans.map(({ from }) => from.id),
        spans.map(({ upTo }) => upTo),
      ],
      'jobs_dispatch_due',
    );
    return jobs.toSorted((a, b) => a.priority - b.priority || a.turn - b.turn || (a.id < b.id ? -1 : 1));
  }

  /** `queued → pending` for jobs whose hints could not be sent, or of a hint that nobody has time for. */
  async takeBack(read: Read, claims: readonly Claim[]): Promise<void> {
    await execute(
      read,
      `update jobs set status = 'pending', run_at = now(), updated_at = clock_timestamp()
         from unnest($1::uuid[], $2::integer[]) as sent(id, dispatch_no)
        where jobs.id = any ($1) and jobs.id = sent.id and jobs.status = 'queued' and jobs.dispatch_no = sent.dispatch_no`,
      [claims.map(([id]) => id), claims.map(([, dispatchNo]) => dispatchNo)],
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
}

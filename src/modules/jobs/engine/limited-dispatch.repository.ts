import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { DispatchedJob } from './dispatch.repository.js';
import type { Candidate } from './limited-plan.js';
import type { RateLog } from './rate-log.js';
import { IN_FLIGHT } from './job-status.js';

/** First key of the advisory locks by which one dispatcher at a time counts the jobs of a type. */
const DISPATCH_LOCK = 7_410_030;

const LIMITED_IN_FLIGHT = `limit_key is not null and ${IN_FLIGHT}`;
const WAITING = `limit_key is not null and turn is not null`;

const keysBehind = (condition: string): string => `
  with recursive waiting(key, place) as (
    (select limit_key, 1 from jobs where type = $1 and ${WAITING} ${condition} order by limit_key limit 1)
    union all
    select (select limit_key from jobs where type = $1 and ${WAITING} and limit_key > waiting.key order by limit_key limit 1), place + 1
      from waiting where waiting.key is not null and place < $2)
  select key from waiting where key is not null`;
const FIRST_KEYS = keysBehind('');
const NEXT_KEYS = keysBehind('and limit_key > $3');

export interface InFlight {
  /** Everything that its limits count. */
  readonly jobs: number;
  /** By the part of the key that limits count by. */
  readonly byPart: ReadonlyMap<string, number>;
}

/**
 * Dispatching by count. Whoever holds the lock of a type is the only one who puts jobs of it in flight, so what it
 * counts can only shrink until it commits. Everything here costs by keys and by jobs in flight, never by jobs that
 * wait: keys are found by leaping over the index from one to the next.
 */
@Injectable()
export class LimitedDispatchRepository {
  /** The types of which jobs wait and are due. */
  async waitingTypes(read: Read): Promise<string[]> {
    const rows = await query<{ type: string }>(
      read,
      `with recursive waiting(type) as (
         (select type from jobs where ${WAITING} order by type limit 1)
         union all
         select (select type from jobs where ${WAITING} and type > waiting.type order by type limit 1) from waiting where waiting.type is not null)
       select type from waiting where type is not null`,
      [],
      'jobs_limited_types',
    );
    return rows.map(({ type }) => type);
  }

  /**
   * Until the end of the transaction nobody else dispatches jobs of the type, and the queue is not paused: `locked`
   * by another dispatcher, or `paused` (`queue_is_open`), if not. The commit does not wait for the disk, as that of
   * every dispatch: what a crash of the server loses is lost together (ADR 16).
   */
  async begin(tx: Tx, type: string, queue: string): Promise<'mine' | 'locked' | 'paused'> {
    const row = await queryOne<{ state: 'mine' | 'locked' | 'paused' }>(
      tx,
      `select case when not pg_try_advisory_xact_lock($1::integer, hashtext($2)) then 'locked' when queue_is_open($3) then 'mine' else 'paused' end as state,
              set_config('synchronous_commit', 'off', true)`,
      [DISPATCH_LOCK, type, queue],
      'jobs_limited_begin',
    );
    return row?.state ?? 'locked';
  }

  async inFlight(tx: Tx, type: string): Promise<InFlight> {
    const rows = await query<{ part: string; jobs: number }>(
      tx,
      `select split_part(limit_key, ' ', 1) as part, count(*)::integer as jobs from jobs where type = $1 and ${LIMITED_IN_FLIGHT} group by 1`,
      [type],
      'jobs_limited_in_flight',
    );
    return {
      jobs: rows.reduce((sum, { jobs }) => sum + jobs, 0),
      byPart: new Map(rows.map(({ part, jobs }) => [part, jobs])),
    };
  }

  /**
   * Keys of which jobs wait and are due, in their order behind `after`; null begins with the first. Two statements,
   * because a kept plan that fits both would read all that wait.
   */
  async waitingKeys(tx: Tx, type: string, after: string | null, limit: number): Promise<string[]> {
    const rows = await query<{ key: string }>(
      tx,
      after === null ? FIRST_KEYS : NEXT_KEYS,
      after === null ? [type, limit] : [type, limit, after],
      after === null ? 'jobs_limited_first_keys' : 'jobs_limited_next_keys',
    );
    return rows.map(({ key }) => key);
  }

  /** The first jobs of each key, most urgent first, as many of it as `counts` says. */
  async candidates(
    tx: Tx,
    type: string,
    keys: readonly string[],
    counts: readonly number[],
  ): Promise<Candidate[]> {
    return query<Candidate>(
      tx,
      `select first.id, wanted.key as "limitKey", first.rank::integer as rank
         from unnest($2::text[], $3::integer[]) as wanted(key, jobs)
        cross join lateral (
          select id, row_number() over (order by priority, turn, id) as rank from (
            select id, priority, turn from jobs
             where type = $1 and limit_key = wanted.key and turn is not null order by priority, turn, id limit wanted.jobs) as head) as first`,
      [type, keys, counts],
      'jobs_limited_candidates',
    );
  }

  /**
   * `pending → queued` for these jobs, in the queue that their type belongs to now. One that somebody else has hold
   * of, for example to cancel it, is left out.
   */
  async dispatch(tx: Tx, queue: string, ids: readonly string[]): Promise<DispatchedJob[]> {
    return query<DispatchedJob>(
      tx,
      `with due as (
         select id, turn, run_at from jobs where id = any($2::uuid[]) and turn is not null order by id for update skip locked)
       update jobs set status = 'queued', queue = $1, run_at = null, turn = null, dispatch_no = dispatch_no + 1, dispatched_at = clock_timestamp(), updated_at = clock_timestamp()
         from due where jobs.id = any($2) and jobs.id = due.id and jobs.status = 'pending'
       returning jobs.id, jobs.type, jobs.user_id as "userId", jobs.priority, due.turn::double precision as turn, jobs.dispatch_no as "dispatchNo", jobs.dispatched_at as "dispatchedAt",
                 extract(epoch from clock_timestamp() - due.run_at)::double precision as "lagSeconds"`,
      [queue, ids],
      'jobs_limited_dispatch',
    );
  }

  /** The database's clock in milliseconds. */
  async now(tx: Tx): Promise<number> {
    const row = await queryOne<{ now: number }>(
      tx,
      `select (extract(epoch from clock_timestamp()) * 1000)::double precision as now`,
      [],
      'jobs_limited_now',
    );
    return row?.now ?? 0;
  }

  async rates(
    tx: Tx,
    type: string,
    keys: readonly Buffer[],
  ): Promise<(RateLog & { readonly key: Buffer })[]> {
    return query(
      tx,
      `select key, started_at as at, started as jobs from job_rates where type = $1 and key = any($2::bytea[])`,
      [type, keys],
      'jobs_limited_rates',
    );
  }

  async saveRates(
    tx: Tx,
    type: string,
    perSeconds: number,
    rates: readonly (RateLog & { readonly key: Buffer })[],
  ): Promise<void> {
    await execute(
      tx,
      `insert into job_rates (type, key, started_at, started, expires_at)
       select $1, decode(r.key, 'hex'), r.at, r.jobs, clock_timestamp() + make_interval(secs => $3)
         from jsonb_to_recordset($2::jsonb) as r(key text, at double precision[], jobs integer[])
       on conflict (type, key) do update set started_at = excluded.started_at, started = excluded.started, expires_at = excluded.expires_at`,
      [
        type,
        JSON.stringify(rates.map(({ key, at, jobs }) => ({ key: key.toString('hex'), at, jobs }))),
        perSeconds,
      ],
    );
  }

  /** Forgets rates under which nothing started for their whole time. Answers how many. */
  async forgetRates(tx: Tx, limit: number): Promise<number> {
    return execute(
      tx,
      `with stale as (select type, key from job_rates where expires_at < clock_timestamp() - interval '1 minute' limit $1 for update skip locked)
       delete from job_rates using stale where job_rates.type = stale.type and job_rates.key = stale.key`,
      [limit],
    );
  }
}

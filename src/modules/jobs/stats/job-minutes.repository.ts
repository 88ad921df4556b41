import { Injectable } from '@nestjs/common';
import { execute, query, type Read, type Tx } from '../../../kernel/database/index.js';
import type { Times } from './histogram.js';

/** What one process counted, of one kind. */
export interface Tally {
  readonly queue: string;
  readonly type: string;
  readonly outcome: string;
  readonly errorCode: string;
  readonly jobs: number;
  readonly waited: Times;
  readonly ran: Times;
}

export interface OutcomeCount {
  readonly type: string;
  readonly outcome: string;
  readonly errorCode: string;
  readonly jobs: number;
}

/** One bucket of one type, or of several: `count` is how many are in it. */
export interface TimesOfType extends Times {
  readonly type: string;
  readonly kind: 'waited' | 'ran';
}

/** Of hours, which are of no process any more. */
const ALL_PROCESSES = '00000000-0000-0000-0000-000000000000';

const added = (column: string): string =>
  `(select coalesce(array_agg(coalesce(a, 0) + coalesce(b, 0) order by i), '{}')
      from unnest(job_minutes.${column}, excluded.${column}) with ordinality as t(a, b, i))`;
const COLUMNS = `minute, process_id, queue, type, outcome, error_code, jobs, waited, waited_ms, waited_max_ms, waited_buckets, ran, ran_ms, ran_max_ms, ran_buckets`;
const OR_ADD = `on conflict (minute, process_id, queue, type, outcome, error_code) do update set
  jobs = job_minutes.jobs + excluded.jobs,
  waited = job_minutes.waited + excluded.waited, waited_ms = job_minutes.waited_ms + excluded.waited_ms,
  waited_max_ms = greatest(job_minutes.waited_max_ms, excluded.waited_max_ms), waited_buckets = ${added('waited_buckets')},
  ran = job_minutes.ran + excluded.ran, ran_ms = job_minutes.ran_ms + excluded.ran_ms,
  ran_max_ms = greatest(job_minutes.ran_max_ms, excluded.ran_max_ms), ran_buckets = ${added('ran_buckets')}`;
const summed = (column: string): string =>
  `select hour, queue, type, outcome, error_code, array_agg(n order by i) as buckets
     from (select hour, queue, type, outcome, error_code, i, sum(b.n) as n
             from old cross join unnest(${column}) with ordinality as b(n, i) group by 1, 2, 3, 4, 5, 6) as b
    group by 1, 2, 3, 4, 5`;

/** What jobs did, in minutes and later in hours. */
@Injectable()
export class JobMinutesRepository {
  /** Adds to the rows of this process in the minute that the database is in. */
  async add(tx: Tx, processId: string, tallies: readonly Tally[]): Promise<void> {
    const rows = tallies.map(({ waited, ran, errorCode, ...tally }) => ({
      ...tally,
      error_code: errorCode,
      waited: waited.count,
      waited_ms: waited.sum,
      waited_max_ms: waited.max,
      waited_buckets: waited.buckets,
      ran: ran.count,
      ran_ms: ran.sum,
      ran_max_ms: ran.max,
      ran_buckets: ran.buckets,
    }));
    await execute(
      tx,
      `insert into job_minutes (${COLUMNS})
       select date_trunc('minute', clock_timestamp()), $1, t.* from jsonb_to_recordset($2::jsonb) as t(
         queue text, type text, outcome text, error_code text, jobs bigint, waited bigint, waited_ms double precision, waited_max_ms double precision,
         waited_buckets bigint[], ran bigint, ran_ms double precision, ran_max_ms double precision, ran_buckets bigint[])
       ${OR_ADD}`,
      [processId, JSON.stringify(rows)],
    );
  }

  async outcomes(read: Read, from: Date, to: Date): Promise<OutcomeCount[]> {
    return query<OutcomeCount>(
      read,
      `select type, outcome, error_code as "errorCode", sum(jobs)::double precision as jobs from job_minutes
        where minute >= $1 and minute < $2 group by type, outcome, error_code`,
      [from, to],
    );
  }

  /** For each type how long its jobs waited and ran; what was cancelled before an attempt is in neither. */
  async times(read: Read, from: Date, to: Date): Promise<TimesOfType[]> {
    return query<TimesOfType>(
      read,
      `with part as materialized (select * from job_minutes where minute >= $1 and minute < $2),
       bucket as (
         select type, 'waited' as kind, i, sum(n) as n from part cross join unnest(waited_buckets) with ordinality as b(n, i) group by type, i
         union all
         select type, 'ran', i, sum(n) from part cross join unnest(ran_buckets) with ordinality as b(n, i) group by type, i),
       whole as (
         select type, 'waited' as kind, sum(waited) as count, sum(waited_ms) as sum, max(waited_max_ms) as max from part group by type
         union all
         select type, 'ran', sum(ran), sum(ran_ms), max(ran_max_ms) from part group by type)
       select type, kind, count::double precision, sum, max,
              array(select n::double precision from bucket b where b.type = whole.type and b.kind = whole.kind order by i) as buckets
         from whole`,
      [from, to],
    );
  }

  /** Jobs that ended per queue within the last whole minutes. */
  async endedLately(read: Read, minutes: number): Promise<{ queue: string; jobs: number }[]> {
    return query(
      read,
      `select queue, sum(jobs)::double precision as jobs from job_minutes
        where minute >= date_trunc('minute', now()) - make_interval(mins => $1) and minute < date_trunc('minute', now()) and outcome <> 'again'
        group by queue`,
      [minutes],
    );
  }

  /** Only one process at a time tidies up. False: another one is at it. */
  async lock(tx: Tx): Promise<boolean> {
    const [row] = await query<{ locked: boolean }>(tx, `select pg_try_advisory_xact_lock(7410021) as locked`);
    return row?.locked === true;
  }

  /** Makes hours of the minutes that are older than this many hours. Answers how many rows it has made less. */
  async makeHours(tx: Tx, olderThanHours: number): Promise<number> {
    const [row] = await query<{ less: number }>(
      tx,
      `with old as (
         delete from job_minutes where minute < date_trunc('hour', now()) - make_interval(hours => $1) and process_id <> $2
         returning *, date_trunc('hour', minute) as hour),
       waits as (${summed('waited_buckets')}), runs as (${summed('ran_buckets')}),
       hours as (
         select hour, queue, type, outcome, error_code, sum(jobs) as jobs, sum(waited) as waited, sum(waited_ms) as waited_ms, max(waited_max_ms) as waited_max_ms,
                sum(ran) as ran, sum(ran_ms) as ran_ms, max(ran_max_ms) as ran_max_ms
           from old group by hour, queue, type, outcome, error_code),
       made as (
         insert into job_minutes (${COLUMNS})
         select hour, $2, queue, type, outcome, error_code, jobs, waited, waited_ms, waited_max_ms, coalesce(waits.buckets, '{}'),
                ran, ran_ms, ran_max_ms, coalesce(runs.buckets, '{}')
           from hours left join waits using (hour, queue, type, outcome, error_code) left join runs using (hour, queue, type, outcome, error_code)
         ${OR_ADD} returning 1)
       select ((select count(*) from old) - (select count(*) from made))::integer as less`,
      [olderThanHours, ALL_PROCESSES],
    );
    return row?.less ?? 0;
  }

  async removeOlderThan(tx: Tx, days: number): Promise<void> {
    for (const table of ['job_minutes', 'job_depths'])
      await execute(tx, `delete from ${table} where minute < now() - make_interval(days => $1)`, [days]);
  }
}

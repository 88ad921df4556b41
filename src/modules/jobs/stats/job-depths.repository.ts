import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { IN_FLIGHT } from '../engine/job-status.js';

export interface Depth {
  readonly queue: string;
  readonly due: number;
  readonly later: number;
}

/** How deep the queues were, minute by minute (S1-43). */
@Injectable()
export class JobDepthsRepository {
  /** Only one process at a time counts. False: another one is at it. */
  async lock(tx: Tx): Promise<boolean> {
    const row = await queryOne<{ locked: boolean }>(
      tx,
      `select pg_try_advisory_xact_lock(7410022) as locked`,
    );
    return row?.locked === true;
  }

  /** Whether this minute has not been counted, and counting would not take more than a hundredth of the time. */
  async isTime(tx: Tx): Promise<boolean> {
    const row = await queryOne<{ time: boolean }>(
      tx,
      `select coalesce(max(minute) < date_trunc('minute', clock_timestamp())
                       and max(created_at + 100 * make_interval(secs => took_ms / 1000)) < clock_timestamp(), true) as time
         from job_depths where minute > now() - interval '1 day'`,
    );
    return row?.time === true;
  }

  /** Counts everything that has not ended, through the partial indexes: as much work as there are such jobs. */
  async sample(tx: Tx, queues: readonly string[]): Promise<void> {
    await execute(
      tx,
      `with began as materialized (select clock_timestamp() as at),
       part as (
         select queue, count(*) as due, min(run_at) as oldest, 0 as later, 0 as queued, 0 as running
           from jobs where turn is not null and limit_key is null group by queue
         union all
         select queue, count(*), min(run_at), 0, 0, 0 from jobs where turn is not null and limit_key is not null group by queue
         union all
         select queue, 0, null, count(*), 0, 0 from jobs where run_at is not null and turn is null group by queue
         union all
         select queue, 0, null, 0, count(*) filter (where status = 'queued'), count(*) filter (where status = 'running')
           from jobs where ${IN_FLIGHT} group by queue)
       insert into job_depths (minute, queue, due, later, queued, running, oldest_due_at, took_ms)
       select date_trunc('minute', began.at), q.name, coalesce(sum(due), 0), coalesce(sum(later), 0), coalesce(sum(queued), 0), coalesce(sum(running), 0),
              min(oldest), extract(epoch from clock_timestamp() - began.at) * 1000
         from began cross join unnest($1::text[]) as q(name) left join part on part.queue = q.name
        group by began.at, q.name
       on conflict (minute, queue) do nothing`,
      [queues],
    );
  }

  /** The latest counts, none of which is older than some minutes. */
  async latest(read: Read): Promise<Depth[]> {
    return query<Depth>(
      read,
      `select distinct on (queue) queue, due::double precision, later::double precision
         from job_depths where minute > now() - interval '10 minutes' order by queue, minute desc`,
    );
  }
}

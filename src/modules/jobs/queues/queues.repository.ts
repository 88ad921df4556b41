import { Injectable } from '@nestjs/common';
import { query, type Read, type Tx } from '../../../kernel/database/index.js';
import { alongIndexes } from './along-indexes.repository.js';
import { IN_FLIGHT } from '../engine/job-status.js';
import { ALIVE } from '../engine/workers.repository.js';

/** What waits in a queue. */
export interface Waiting {
  readonly queue: string;
  readonly due: number;
  readonly oldestDueAt: Date | null;
  readonly later: number;
}

export interface InFlight {
  readonly queue: string;
  readonly queued: number;
  readonly running: number;
}

export interface Served {
  readonly queue: string;
  readonly workers: number;
  readonly slots: number;
}

export interface WorkerRow {
  readonly id: string;
  readonly hostname: string;
  readonly pid: number;
  readonly queues: string[];
  readonly slots: number;
  readonly running: number;
  readonly alive: boolean;
  readonly startedAt: Date;
  readonly beatAt: Date;
}

/** Numbers of queues and their workers. Each statement reads a bounded number of rows, through the partial indexes. */
@Injectable()
export class QueuesRepository {
  /**
   * At most `bound` rows are read for each queue and each kind (due without and with a limit, later), so a number
   * that reaches it is only the least it can be. The head of each priority is looked at in any case.
   */
  async waiting(tx: Tx, queues: readonly string[], bound: number): Promise<Waiting[]> {
    await alongIndexes(tx);
    return query<Waiting>(
      tx,
      `with limited as materialized (
         select queue, run_at from jobs where turn is not null and limit_key is not null limit $2),
       later as materialized (
         select queue from jobs where run_at is not null and turn is null limit $2)
       select q.name as queue,
              (free.jobs + (select count(*) from limited l where l.queue = q.name))::integer as due,
              least(free.oldest, heads.oldest, (select min(run_at) from limited l where l.queue = q.name)) as "oldestDueAt",
              (select count(*) from later l where l.queue = q.name)::integer as later
         from unnest($1::text[]) as q(name)
        cross join lateral (
          select count(*) as jobs, min(run_at) as oldest
            from (select run_at from jobs where queue = q.name and turn is not null and limit_key is null limit $2) as due) as free
        cross join lateral (
          select min(head.run_at) as oldest
            from generate_series(1, 10) as p(priority)
           cross join lateral (
             select run_at from jobs
              where queue = q.name and priority = p.priority and turn is not null and limit_key is null
              order by turn, id limit 1) as head) as heads`,
      [queues, bound],
    );
  }

  /** Bounded by itself: no more is in flight than the queues and the workers hold. */
  async inFlight(read: Read): Promise<InFlight[]> {
    return query<InFlight>(
      read,
      `select queue, (count(*) filter (where status = 'queued'))::integer as queued,
              (count(*) filter (where status = 'running'))::integer as running
         from jobs where ${IN_FLIGHT} group by queue`,
    );
  }

  async served(read: Read): Promise<Served[]> {
    return query<Served>(
      read,
      `select queue, count(*)::integer as workers, sum(slots)::integer as slots
         from workers cross join unnest(queues) as queue where ${ALIVE} group by queue`,
    );
  }

  async workers(read: Read): Promise<WorkerRow[]> {
    return query<WorkerRow>(
      read,
      `select workers.id, hostname, pid, queues, slots, coalesce(held.jobs, 0) as running, ${ALIVE} as alive,
              started_at as "startedAt", beat_at as "beatAt"
         from workers
         left join (select worker_id, count(*)::integer as jobs from jobs
                     where ${IN_FLIGHT} and status = 'running'
                     group by worker_id) as held on held.worker_id = workers.id
        order by workers.id desc`,
    );
  }
}

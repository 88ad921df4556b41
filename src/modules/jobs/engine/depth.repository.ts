import { Injectable } from '@nestjs/common';
import { query, type Tx } from '../../../kernel/database/index.js';
import { QUEUE_NAMES } from '../../../kernel/queue/index.js';
import { alongIndexes } from '../queues/along-indexes.repository.js';
import { IN_FLIGHT } from './job-status.js';

/** Counting stops here: a scrape must not cost more because a million jobs wait. */
export const MOST_COUNTED = 10_000;

export interface QueueDepth {
  readonly queue: string;
  readonly due: number;
  /** Not due yet. */
  readonly later: number;
  readonly queued: number;
  readonly running: number;
  readonly oldestDueSeconds: number;
}

/**
 * How much waits and runs, at a cost that is bounded however much it is: each statement walks along the index that the
 * engine takes its jobs from, and stops.
 */
@Injectable()
export class DepthRepository {
  async measure(tx: Tx): Promise<QueueDepth[]> {
    await alongIndexes(tx);
    const due = await this.due(tx);
    const limited = await this.limited(tx);
    const later = await this.later(tx);
    const inFlight = await this.inFlight(tx);
    return QUEUE_NAMES.map((queue) => {
      const of = <Row extends { readonly queue: string }>(rows: readonly Row[]): Row | undefined =>
        rows.find((row) => row.queue === queue);
      const withStatus = (status: string) => of(inFlight.filter((row) => row.status === status))?.jobs ?? 0;
      const [free, bound] = [of(due), of(limited)];
      return {
        queue,
        due: (free?.jobs ?? 0) + (bound?.jobs ?? 0),
        later: of(later)?.jobs ?? 0,
        queued: withStatus('queued'),
        running: withStatus('running'),
        oldestDueSeconds: Math.max(0, free?.seconds ?? 0, bound?.seconds ?? 0),
      };
    });
  }

  /** The head of each priority is one step into the index. */
  private async due(tx: Tx): Promise<{ queue: string; jobs: number; seconds: number | null }[]> {
    return query(
      tx,
      `select queue, free.jobs::integer as jobs, extract(epoch from clock_timestamp() - head.run_at)::double precision as seconds
         from unnest($1::text[]) as queue
         cross join lateral (
           select count(*) as jobs from (
             select from jobs where jobs.queue = queue.queue and turn is not null and limit_key is null
              order by priority, turn, id limit $2) as counted) as free
         cross join lateral (
           select min(first.run_at) as run_at from generate_series(1, 10) as priority
            cross join lateral (
              select run_at from jobs
               where jobs.queue = queue.queue and jobs.priority = priority.priority and turn is not null and limit_key is null
               order by turn, id limit 1) as first) as head`,
      [QUEUE_NAMES, MOST_COUNTED],
    );
  }

  /** They stand in line by limit and not by queue: with more than are counted a queue may show fewer than it has. */
  private async limited(tx: Tx): Promise<{ queue: string; jobs: number; seconds: number }[]> {
    return query(
      tx,
      `select queue, count(*)::integer as jobs, extract(epoch from clock_timestamp() - min(run_at))::double precision as seconds from (
         select queue, run_at from jobs where turn is not null and limit_key is not null
          order by type, limit_key, priority, turn, id limit $1) as counted
        group by queue`,
      [MOST_COUNTED],
    );
  }

  /** Those that are due soonest; as above. */
  private async later(tx: Tx): Promise<{ queue: string; jobs: number }[]> {
    return query(
      tx,
      `select queue, count(*)::integer as jobs from (
         select queue from jobs where run_at is not null and turn is null order by run_at, id limit $1) as counted
        group by queue`,
      [MOST_COUNTED],
    );
  }

  private async inFlight(tx: Tx): Promise<{ queue: string; status: string; jobs: number }[]> {
    return query(
      tx,
      `select queue, status, count(*)::integer as jobs from (
         select queue, status from jobs
          where ${IN_FLIGHT} order by id limit $1) as counted
        group by queue, status`,
      [MOST_COUNTED],
    );
  }
}

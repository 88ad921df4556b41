import { Injectable } from '@nestjs/common';
import { queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import type { RateLog } from '../engine/rate-log.js';
import type { JobEntity } from '../job.entity.js';
import { alongIndexes } from '../queues/along-indexes.repository.js';
import { IN_FLIGHT } from '../engine/job-status.js';

/** Numbers about the jobs around one, whoever they belong to: nothing of them is read but that they are there. */
@Injectable()
export class ExplainRepository {
  /** Jobs that go before it where it is now, at most `bound`. */
  async ahead(tx: Tx, job: JobEntity, bound: number): Promise<number> {
    await alongIndexes(tx);
    if (job.status === 'queued')
      return this.count(
        tx,
        `select from jobs where ${IN_FLIGHT} and status = 'queued' and queue = $1
            and (dispatched_at, id) < ($2, $3)`,
        [job.queue, job.dispatchedAt, job.id],
        bound,
      );
    if (job.status !== 'pending' || job.turn === null) return 0;
    return job.limitKey === null
      ? this.count(
          tx,
          `select from jobs where queue = $1 and turn is not null and limit_key is null and (priority, turn, id) < ($2, $3, $4)`,
          [job.queue, job.priority, job.turn, job.id],
          bound,
        )
      : this.count(
          tx,
          `select from jobs where type = $1 and limit_key = $2 and turn is not null and (priority, turn, id) < ($3, $4, $5)`,
          [job.type, job.limitKey, job.priority, job.turn, job.id],
          bound,
        );
  }

  /** Jobs of the type that are queued or running and count against its limits: all, and those of the same key. */
  async inFlight(read: Read, type: string, part: string): Promise<{ ofType: number; ofKey: number }> {
    const row = await queryOne<{ ofType: number; ofKey: number }>(
      read,
      `select count(*)::integer as "ofType", (count(*) filter (where split_part(limit_key, ' ', 1) = $2))::integer as "ofKey"
         from jobs where type = $1 and limit_key is not null and ${IN_FLIGHT}`,
      [type, part],
    );
    return row!;
  }

  /** What started lately under the rate of this key, and the database's clock, both in milliseconds. */
  async rate(read: Read, type: string, key: Buffer): Promise<{ log: RateLog; now: number }> {
    const row = await queryOne<RateLog & { now: number }>(
      read,
      `select extract(epoch from clock_timestamp())::double precision * 1000 as now,
              coalesce(started_at, '{}') as at, coalesce(started, '{}') as jobs
         from (values (1)) as one left join job_rates on type = $1 and key = $2`,
      [type, key],
    );
    const { now, at, jobs } = row!;
    return { log: { at, jobs }, now };
  }

  private async count(read: Read, jobs: string, values: readonly unknown[], bound: number): Promise<number> {
    const text = `select count(*)::integer as jobs from (${jobs} limit ${bound}) as ahead`;
    const row = await queryOne<{ jobs: number }>(read, text, values);
    return row!.jobs;
  }
}

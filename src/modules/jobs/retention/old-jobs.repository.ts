import { Injectable } from '@nestjs/common';
import { entities, execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { JobEntity } from '../job.entity.js';
import { JobLogEntity } from '../job-log.entity.js';

export type IdRange = readonly [from: string, below: string];

/** What a walk over rows has done with some of them; `last` is where it stopped, null at the end. */
export interface Step {
  readonly removed: number;
  readonly last: string | null;
}

const ENDED = `coalesce(completed_at, cancelled_at)`;

/**
 * Jobs and lines that are old enough to go. Rows are removed by lists of their ids: with a subquery in the place of
 * the list every partition would be read from end to end.
 */
@Injectable()
export class OldJobsRepository {
  /** Jobs that ended before a moment, by id. */
  async page(read: Read, [from, below]: IdRange, before: Date, limit: number): Promise<JobEntity[]> {
    return entities(read, JobEntity)
      .createQueryBuilder('job')
      .where('job.id >= :from and job.id < :below', { from, below })
      .andWhere('coalesce(job.completedAt, job.cancelledAt) < :before', { before })
      .orderBy('job.id')
      .limit(limit)
      .getMany();
  }

  /** Looks at the next jobs: how many ended before the moment, and whether one has not. */
  async look(
    read: Read,
    [from, below]: IdRange,
    before: Date,
    limit: number,
  ): Promise<{ old: number; young: boolean; last: string | null }> {
    const row = await queryOne<{ old: string; young: string; last: string | null; seen: string }>(
      read,
      `select count(*) as seen, count(*) filter (where old) as old, count(*) filter (where not old) as young, max(id::text) as last
         from (select id, coalesce(${ENDED} < $3, false) as old from jobs
                where id >= $1 and id < $2 order by id limit $4) one`,
      [from, below, before, limit],
    );
    const { seen, old, young, last } = row!;
    return { old: Number(old), young: Number(young) > 0, last: Number(seen) < limit ? null : last };
  }

  /** Removes the next jobs that ended before the moment, with the lines they still have. */
  async removeJobs(tx: Tx, [from, below]: IdRange, before: Date, limit: number): Promise<Step> {
    const rows = await query<{ id: string }>(
      tx,
      `select id from jobs where id >= $1 and id < $2 and ${ENDED} < $3 order by id limit $4`,
      [from, below, before, limit],
    );
    const ids = rows.map(({ id }) => id);
    // Held until the transaction ends, so that none is retried while its lines are removed.
    const held = await query<{ id: string }>(
      tx,
      `select id from jobs where id = any ($1::uuid[]) and ${ENDED} < $2 order by id for update`,
      [ids, before],
    );
    const going = held.map(({ id }) => id);
    // The lines first: left to the foreign key, each job would look for its own in every partition.
    await execute(tx, `delete from job_logs where job_id = any ($1::uuid[])`, [going]);
    const removed = await execute(tx, `delete from jobs where id = any ($1::uuid[])`, [going]);
    return { removed, last: rows.length < limit ? null : rows.at(-1)!.id };
  }

  /** Removes the next lines of the jobs of a range, whatever month they are of. */
  async removeLinesOfJobs(tx: Tx, [from, below]: IdRange, limit: number): Promise<number> {
    const rows = await query<{ id: string }>(
      tx,
      `select id from job_logs where job_id >= $1 and job_id < $2 limit $3`,
      [from, below, limit],
    );
    return execute(tx, `delete from job_logs where id = any ($1::uuid[])`, [rows.map(({ id }) => id)]);
  }

  /** Which of the jobs have lines left: most that old have none. */
  async withLines(read: Read, jobIds: readonly string[]): Promise<Set<string>> {
    const rows = await query<{ id: string }>(
      read,
      `select id from unnest($1::uuid[]) as one(id) where exists (select from job_logs where job_id = one.id)`,
      [jobIds],
    );
    return new Set(rows.map(({ id }) => id));
  }

  async linesOfJob(read: Read, jobId: string, from: string, limit: number): Promise<JobLogEntity[]> {
    return entities(read, JobLogEntity)
      .createQueryBuilder('line')
      .where('line.jobId = :jobId and line.id >= :from', { jobId, from })
      .orderBy('line.id')
      .limit(limit)
      .getMany();
  }

  async countLines(read: Read, [from, below]: IdRange, before: Date): Promise<number> {
    const row = await queryOne<{ rows: string }>(
      read,
      `select count(*) as rows from job_logs where id >= $1 and id < $2 and created_at < $3`,
      [from, below, before],
    );
    return Number(row!.rows);
  }

  /** Lines written before a moment, by id, with whose job they are of. */
  async lines(
    read: Read,
    [from, below]: IdRange,
    before: Date,
    limit: number,
  ): Promise<(JobLogEntity & { readonly userId: string | null })[]> {
    return query(
      read,
      `select l.id, l.job_id as "jobId", l.level, l.message, l.details, l.created_at as "createdAt", j.user_id as "userId"
         from (select * from job_logs where id >= $1 and id < $2 and created_at < $3 order by id limit $4) l
         join jobs j on j.id = l.job_id order by l.id`,
      [from, below, before, limit],
    );
  }

  /** Removes the next lines written before the moment. */
  async removeLines(tx: Tx, [from, below]: IdRange, before: Date, limit: number): Promise<Step> {
    const rows = await query<{ id: string }>(
      tx,
      `select id from job_logs where id >= $1 and id < $2 and created_at < $3 order by id limit $4`,
      [from, below, before, limit],
    );
    const ids = rows.map(({ id }) => id);
    const removed = await execute(tx, `delete from job_logs where id = any ($1::uuid[])`, [ids]);
    return { removed, last: rows.length < limit ? null : rows.at(-1)!.id };
  }
}

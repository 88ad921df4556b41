import type { Client } from 'pg';
import { v7 } from 'uuid';

/** Names of months before this one, `2026-07` for 4 in November 2026; on the database's clock. */
export async function monthAgo(client: Client, months: number): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select to_char(date_trunc('month', now() at time zone 'UTC') - make_interval(months => $1), 'YYYY-MM') as name`,
    [months],
  );
  return rows[0]!.name;
}

/** What a Steward that has run since then would have: partitions of that month. */
export async function makeMonth(client: Client, month: string): Promise<void> {
  for (const table of ['jobs', 'job_logs', 'events'])
    await client.query(
      `create table ${partition(table, month)} partition of ${table}
         for values from (uuid_v7_floor('${month}-01T00:00Z')) to (uuid_v7_floor('${month}-01T00:00Z'::timestamptz + interval '1 month'))`,
    );
}

export const partition = (table: string, month: string): string => `${table}_${month.replace('-', '_')}`;

export async function partitionExists(client: Client, table: string, month: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`select to_regclass($1) is not null as there`, [
    partition(table, month),
  ]);
  return rows[0]!.there;
}

/** An id of that day of the month, as it was given then. */
export const idIn = (month: string, day = 10, ms = 0): string =>
  v7({ msecs: Date.parse(`${month}-01T00:00:00Z`) + (day - 1) * 86_400_000 + ms });

export interface PlantedJob {
  readonly id: string;
  readonly userId?: string | null;
  readonly status?: 'completed' | 'failed' | 'cancelled' | 'pending' | 'running';
  readonly payload?: unknown;
  /** Ends of ended ones; a second after the making of the job unless told. */
  readonly endedAt?: Date;
  readonly type?: string;
}

/** Jobs with the times their ids tell. */
export async function plantJobs(client: Client, jobs: readonly PlantedJob[]): Promise<void> {
  for (const { id, userId = null, status = 'completed', payload = {}, type = 'copy', ...job } of jobs) {
    const made = new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));
    const ended = job.endedAt ?? new Date(made.getTime() + 1000);
    await client.query(
      `insert into jobs (id, user_id, type, queue, status, payload, created_at, started_at, completed_at, cancelled_at, run_at, error)
       values ($1, $2, $3, 'files', $4, $5, $6, case when $4 <> 'pending' then $6::timestamptz end,
               case when $4 in ('completed', 'failed') then $7::timestamptz end,
               case when $4 = 'cancelled' then $7::timestamptz end, case when $4 = 'pending' then now() + interval '1 day' end,
               case when $4 = 'failed' then 'It failed.' end)`,
      [id, userId, type, status, JSON.stringify(payload), made, ended],
    );
  }
}

export async function plantLine(
  client: Client,
  id: string,
  jobId: string,
  message = 'a line',
): Promise<void> {
  const made = new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));
  await client.query(
    `insert into job_logs (id, job_id, level, message, created_at) values ($1, $2, 'info', $3, $4)`,
    [id, jobId, message, made],
  );
}

export async function plantEvent(client: Client, id: string): Promise<void> {
  const made = new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));
  await client.query(
    `insert into events (id, type, channel, created_at) values ($1, 'test.happened', 'tests', $2)`,
    [id, made],
  );
}

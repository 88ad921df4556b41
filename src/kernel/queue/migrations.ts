import { runMigrations as runBullMigrations } from 'bullmq';
import type { Client } from 'pg';
import { QUEUE_NAMES, QUEUE_SCHEMA } from './queues.js';

/**
 * Creates or updates BullMQ's own tables. On every deploy, also where Redis is used: a process may be started
 * without REDIS_URL tomorrow, and nothing in BullMQ refuses a schema that is too old within its major version.
 *
 * BullMQ makes the sequence of a queue's message ids when the first message is added, which the application may
 * not; so each queue is given its own here.
 */
export async function runMigrations(client: Client): Promise<void> {
  await runBullMigrations(client, QUEUE_SCHEMA);
  const { rows } = await client.query<{ statement: string }>(
    `select format('create sequence %I.%I', $2::text, name) as statement
       from unnest($1::text[]) as queue, ${QUEUE_SCHEMA}.job_id_seq_name(queue) as name
      where to_regclass(format('%I.%I', $2::text, name)) is null`,
    [QUEUE_NAMES, QUEUE_SCHEMA],
  );
  for (const { statement } of rows) await client.query(statement);
}

import { runMigrations as runBullMigrations } from 'bullmq';
import type { Client } from 'pg';
import { QUEUE_SCHEMA } from './queues.js';

/**
 * Creates or updates BullMQ's own tables. On every deploy, also where Redis is used: a process may be started
 * without REDIS_URL tomorrow, and nothing in BullMQ refuses a schema that is too old within its major version.
 */
export async function runMigrations(client: Client): Promise<void> {
  await runBullMigrations(client, QUEUE_SCHEMA);
}

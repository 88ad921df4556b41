import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../src/kernel/database/migrate.js';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated database of its own on the server named by STEWARD_TEST_DATABASE_URL. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env['STEWARD_TEST_DATABASE_URL'];
  if (!server) throw new Error('STEWARD_TEST_DATABASE_URL names no PostgreSQL server');
  const name = `steward_test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await onServer(server, `create database ${name}`);
  await migrate(url.href);
  return { url: url.href, drop: () => onServer(server, `drop database if exists ${name} with (force)`) };
}

async function onServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

import { randomUUID } from 'node:crypto';
import { DatabaseError, Pool, escapeIdentifier } from 'pg';
import { inject } from 'vitest';
import { withClient } from '../../bench/with-client.js';
import { until } from './until.js';

export { withClient };

export interface TestDatabase {
  /** For its owner, whom no policy binds: for what a test looks at and sets up. */
  readonly url: string;
  /** Also ends connections that are still open. */
  drop(): Promise<void>;
}

/** A migrated, empty database nobody else uses: one per test file, made in about 50 ms by cloning the template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = escapeIdentifier(inject('templateDatabase'));
  return createFrom(template, 'the template database to be free for cloning');
}

/** A database without any table, for tests of the migrations themselves. */
export async function createUnmigratedDatabase(): Promise<TestDatabase> {
  return createFrom('template0', 'a new database');
}

async function createFrom(template: string, describe: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const database = escapeIdentifier(name);
  await until(() => execute(`create database ${database} template ${template}`), { describe });
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => {
      await execute(`drop database if exists ${database} with (force)`);
    },
  };
}

/** Connections of a test's own. The database may be dropped while the last of them are still closing. */
export function openPool(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  return pool;
}

/** The same database for the login role that the application works as: what it runs on in tests, too. */
export function asApplication(url: string): string {
  const address = new URL(url);
  const { name, password } = inject('applicationUser');
  address.username = name;
  address.password = password;
  return address.href;
}

/** False when the template is in use at this moment (object_in_use). */
async function execute(sql: string): Promise<boolean> {
  try {
    await withClient(inject('postgresUrl'), (client) => client.query(sql));
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === '55006') return false;
    throw error;
  }
}

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../harness/client.js';
import { createTestDatabase, withClient, type TestDatabase } from '../harness/database.js';
import { scratch, StewardProcess } from '../harness/process.js';

let database: TestDatabase;
let folder: { path: string; remove: () => Promise<void> };
beforeEach(async () => {
  [database, folder] = await Promise.all([createTestDatabase(), scratch()]);
});
afterEach(async () => {
  await database.drop();
  await folder.remove();
});

const settings = (environment: Record<string, string>): Record<string, string> => ({
  DATABASE_URL: database.url,
  STEWARD_DATA_DIR: folder.path,
  STEWARD_ADMIN_PASSWORD: 'the password of the tests',
  PORT: '0',
  ...environment,
});

/** Who is connected to the database, by what for. */
async function connected(): Promise<Map<string, Set<string>>> {
  const { rows } = await withClient(database.url, (client) =>
    client.query<{ what: string; who: string }>(
      `select application_name as what, usename as who from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    ),
  );
  const found = new Map<string, Set<string>>();
  for (const { what, who } of rows) found.set(what, (found.get(what) ?? new Set()).add(who));
  return found;
}

it('a process works with every pool as a role of its own, which owns nothing', async () => {
  const steward = StewardProcess.spawn(settings({}));
  const url = await steward.url();
  const client = await Client.login(url, 'admin@steward.local', 'the password of the tests');
  expect(await client.call('GET', '/api/notifications')).toEqual({ items: [], nextCursor: null });
  const { rows } = await withClient(database.url, (one) =>
    one.query<{ role: string }>(
      `select 'steward_app_' || oid as role from pg_database where datname = current_database()`,
    ),
  );
  const found = await connected();
  // Beside these, BullMQ gives the connections of its workers the names of their queues.
  expect([...found.keys()]).toEqual(expect.arrayContaining(['steward', 'steward queue', 'steward hub']));
  expect(new Set([...found.values()].flatMap((who) => [...who]))).toEqual(new Set([rows[0]!.role]));
  expect((await steward.end('SIGTERM')).output).not.toMatch(/row-level security/i);
});

it('a process with an owner set up apart migrates as the owner and works as the other', async () => {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(database.url, (client) =>
    client.query(`create role ${name} login password 'open sesame'`),
  );
  const address = new URL(database.url);
  address.username = name;
  address.password = 'open sesame';
  const steward = StewardProcess.spawn(
    settings({ DATABASE_URL: address.href, DATABASE_MIGRATION_URL: database.url }),
  );
  const client = await Client.login(await steward.url(), 'admin@steward.local', 'the password of the tests');
  expect(await client.call('GET', '/api/jobs')).toEqual({ items: [], nextCursor: null });
  expect(new Set([...(await connected()).values()].flatMap((who) => [...who]))).toEqual(new Set([name]));
  expect((await steward.end('SIGTERM')).output).not.toMatch(/row-level security/i);
});

it('a process whose database user no policy binds says so and goes on', async () => {
  const owner = new URL(database.url);
  owner.searchParams.set('application_name', 'owner');
  const steward = StewardProcess.spawn(settings({ DATABASE_MIGRATION_URL: owner.href }));
  await steward.url();
  expect((await steward.end('SIGTERM')).output).toContain('ROW-LEVEL SECURITY DOES NOT BIND');
});

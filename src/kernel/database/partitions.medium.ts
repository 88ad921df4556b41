import { v7 } from 'uuid';
import { DataSource } from 'typeorm';
import type { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, withClient, type TestDatabase } from '../../../test/harness/database.js';
import { Log } from '../log/index.js';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { Partitions } from './partitions.js';
import { PartitionsRepository } from './partitions.repository.js';

const TABLES = ['audit_logs', 'events', 'job_logs', 'jobs'];

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

it.each(['Asia/Seoul', 'America/Los_Angeles', 'UTC'])(
  'this month and the next three have partitions with UTC bounds when a session is in %s',
  async (zone) => {
    await withClient(database.url, async (client) => {
      await client.query(`set timezone = '${zone}'`);
      await dropMonths(client);
      const months = await monthsFrom(client, 4);
      const made = await ensure(client);
      expect(made).toEqual(TABLES.flatMap((table) => months.map(({ suffix }) => `${table}_${suffix}`)));
      expect(await ensure(client)).toEqual([]);
      for (const { suffix, from, until } of months)
        expect(await boundsOf(client, `events_${suffix}`)).toBe(
          `FOR VALUES FROM ('${floor(from)}') TO ('${floor(until)}')`,
        );
    });
  },
);

it('a UUIDv7 lands in the month of its making, to the millisecond, and any other id in the default partition', async () => {
  await withClient(database.url, async (client) => {
    for (const { suffix, from, until } of await monthsFrom(client, 4)) {
      expect(await partitionOf(client, v7({ msecs: from }))).toBe(`events_${suffix}`);
      expect(await partitionOf(client, v7({ msecs: until - 1 }))).toBe(`events_${suffix}`);
    }
    expect(await partitionOf(client, 'f47ac10b-58cc-4372-a567-0e02b2c3d479')).toBe('events_default');
  });
});

it('are made by whoever starts, also by several at once', async () => {
  const dataSource = new DataSource(dataSourceOptions(database.url, 4));
  await dataSource.initialize();
  await withClient(database.url, async (client) => {
    await dropMonths(client);
    const log = Log.create({ level: 'fatal', format: 'json' });
    const keepers = [1, 2, 3].map(
      () => new Partitions(new Database(dataSource), new PartitionsRepository(), log),
    );
    await Promise.all(keepers.map((keeper) => keeper.onModuleInit()));
    expect(await ensure(client)).toEqual([]);
    const [month] = await monthsFrom(client, 1);
    expect(await boundsOf(client, `jobs_${month?.suffix}`)).toContain('FOR VALUES');
  });
  await dataSource.destroy();
});

interface Month {
  readonly suffix: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

async function monthsFrom(client: Client, count: number): Promise<Month[]> {
  const { rows } = await client.query<{ now: Date }>('select now() as now');
  const now = rows[0]?.now ?? new Date(0);
  const start = (ahead: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead);
  return Array.from({ length: count }, (_, ahead) => ({
    suffix: new Date(start(ahead)).toISOString().slice(0, 7).replace('-', '_'),
    from: start(ahead),
    until: start(ahead + 1),
  }));
}

/** The smallest UUID that begins with the time of a UUIDv7. */
function floor(at: number): string {
  const digits = at.toString(16).padStart(12, '0').padEnd(32, '0');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

async function ensure(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select ensure_month_partitions() as name');
  return rows.map(({ name }) => name).toSorted();
}

async function dropMonths(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits join pg_class on oid = inhrelid
      where relkind = 'r' and relname ~ '_\\d{4}_\\d{2}$'`,
  );
  for (const { name } of rows) {
    await client.query(`alter table ${name.replace(/_\d{4}_\d{2}$/, '')} detach partition ${name}`);
    await client.query(`drop table ${name}`);
  }
}

async function boundsOf(client: Client, table: string): Promise<string | undefined> {
  const { rows } = await client.query<{ bounds: string }>(
    `select pg_get_expr(relpartbound, oid) as bounds from pg_class where oid = to_regclass($1)`,
    [table],
  );
  return rows[0]?.bounds;
}

async function partitionOf(client: Client, id: string): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `insert into events (id, type, channel) values ($1, 'test.happened', 'tests') returning tableoid::regclass::text as name`,
    [id],
  );
  return rows[0]?.name;
}

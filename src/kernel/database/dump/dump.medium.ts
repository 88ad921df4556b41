import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plantEverywhere, tablesAboutPeople, tablesOf } from '../../../../test/harness/planted.js';
import {
  asApplication,
  createTestDatabase,
  createUnmigratedDatabase,
  withClient,
  type TestDatabase,
} from '../../../../test/harness/database.js';
import { newId } from '../id.js';
import { migrate, migrationNames } from '../migrate.js';
import { dump } from './dump.js';
import { headOfDump, restoreDump } from './restore.js';

let full: TestDatabase;
let empty: TestDatabase;
let schema: string;
let bytes: Buffer;
let planted: ReadonlySet<string>;
const told = new Map<string, number>();

const dumpOf = (url: string): Promise<Buffer> =>
  buffer(Readable.from(dump({ url, schema, onTable: (name, rows) => void told.set(name, rows) })));
const pieces = (size: number, of = bytes): AsyncIterable<Uint8Array> =>
  Readable.from(
    (function* () {
      for (let at = 0; at < of.length; at += size) yield of.subarray(at, at + size);
    })(),
  );

beforeAll(async () => {
  schema = (await migrationNames()).at(-1)!;
  full = await createTestDatabase();
  empty = await createTestDatabase();
  await withClient(full.url, async (client) => {
    await client.query(`set steward.system = 'test'`);
    const id = newId();
    await client.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [id, 'a@example.org']);
    const tables = await tablesOf(client);
    planted = tablesAboutPeople(tables);
    await plantEverywhere(client, tables, planted, { id, canary: 'canary01234567', address: '192.0.2.7' });
    const odd = 'سلام\tสวัสดี\n안녕 \\N \\. "привет" 🙂';
    await client.query(
      `insert into tasks (id, owner_id, title, description)
       select gen_random_uuid(), (select id from users limit 1), 'odd', $1 from generate_series(1, 5)`,
      [`${odd}\n\\.\n${odd}`],
    );
  });
  bytes = await dumpOf(asApplication(full.url));
});
afterAll(async () => {
  await full.drop();
  await empty.drop();
});

/** Every row of every table that a dump has, as text. */
async function rowsOf(url: string): Promise<Record<string, string[]>> {
  return withClient(url, async (client) => {
    await client.query(`set steward.system = 'test'`);
    const found: Record<string, string[]> = {};
    for (const table of told.keys()) {
      const { rows } = await client.query<{ row: string }>(
        `select t::text as row from ${table} t order by 1`,
      );
      found[table] = rows.map(({ row }) => row);
    }
    return found;
  });
}

it('has every row of every table, read as the application', async () => {
  const rows = await rowsOf(full.url);
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(Object.entries(rows).map(([name, all]) => [name, all.length])),
  );
  expect(told.get('tasks')).toBeGreaterThan(5);
  const left = ['path_locks', 'remote_parts'];
  expect([...planted].filter((name) => !told.get(name) && !left.includes(name))).toEqual([]);
});

it.each([1_000_000, 4096, 7])('gives all of it back, in pieces of %i bytes', async (size) => {
  const { rows } = await restoreDump(empty.url, pieces(size));
  expect(rows).toBe([...told.values()].reduce((sum, count) => sum + count, 0));
  expect(await rowsOf(empty.url)).toEqual(await rowsOf(full.url));
});

it('leaves policies, triggers and counters as they were', async () => {
  await restoreDump(empty.url, pieces(65_536));
  await withClient(empty.url, async (client) => {
    const { rows } = await client.query(
      `select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relrowsecurity and not c.relforcerowsecurity
       union all select tgname from pg_trigger where tgenabled = 'D'`,
    );
    expect(rows).toEqual([]);
    await client.query(`set steward.system = 'test'`);
    const task = await client.query<{ seq: string; top: string }>(
      `with top as (select max(seq) as top from tasks)
       insert into tasks (id, owner_id, title) select gen_random_uuid(), id, 'next' from users limit 1
       returning seq, (select top from top)`,
    );
    expect(Number(task.rows[0]!.seq)).toBe(Number(task.rows[0]!.top) + 1);
  });
});

it('makes the months that are not there', async () => {
  await withClient(full.url, (client) =>
    client.query(
      `create table jobs_2020_01 partition of jobs for values from ('${idOf('2020-01-01')}') to ('${idOf('2020-02-01')}') with (fillfactor = 60)`,
    ),
  );
  const old = await dumpOf(full.url);
  // Where nobody has made the month, its rows lie where all go that have no place.
  await withClient(empty.url, (client) =>
    client.query(
      `insert into jobs (id, type, queue, payload, run_at) values ('${idOf('2020-01-05')}', 'test', 'default', '{}', now())`,
    ),
  );
  await restoreDump(empty.url, pieces(65_536, old));
  await withClient(empty.url, async (client) => {
    const { rows } = await client.query(`select reloptions from pg_class where relname = 'jobs_2020_01'`);
    expect(rows).toEqual([{ reloptions: ['fillfactor=60'] }]);
  });
});

describe('changes nothing', () => {
  /** Why it was refused. */
  const refusal = async (source: AsyncIterable<Uint8Array>): Promise<string> => {
    const before = await rowsOf(empty.url);
    const reason = await restoreDump(empty.url, source).then(
      () => 'it was restored',
      (error: unknown) => String(error),
    );
    expect(await rowsOf(empty.url)).toEqual(before);
    return reason;
  };

  it.each([
    ['that is empty', () => Buffer.alloc(0), /empty/],
    ['that is something else', () => Buffer.from('drop table users;\n'), /no dump of Steward/],
    ['that lacks its last line', () => bytes.subarray(0, bytes.lastIndexOf('-- end')), /cut off/],
    ['that ends in the middle of a table', () => bytes.subarray(0, bytes.indexOf('\n\\.\n')), /cut off/],
    ['that ends between two tables', () => bytes.subarray(0, bytes.indexOf('\n\\.\n') + 4), /cut off/],
    [
      'with a row that does not fit',
      () => Buffer.from(bytes.toString('utf8').replace('\n\\.\n', '\nnonsense\n\\.\n')),
      /missing data|invalid input/,
    ],
  ])('a file %s', async (_, file, reason) => expect(await refusal(pieces(1000, file()))).toMatch(reason));

  it('a source that breaks', async () => {
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, Math.floor(bytes.length * 0.6));
      throw new Error('the disk is gone');
    }
    expect(await refusal(breaking())).toMatch(/the disk is gone/);
  });
});

it('says what it is in its first line', async () => {
  expect(await headOfDump(pieces(50))).toMatchObject({ schema });
});

it('stops when nobody wants it any more', async () => {
  const stop = new AbortController();
  const running = dump({ url: full.url, schema, signal: stop.signal, onTable: () => stop.abort() });
  await expect(buffer(Readable.from(running))).rejects.toThrow(/abort/);
});

it('fills a database that was only migrated', async () => {
  const fresh = await createUnmigratedDatabase();
  await migrate(fresh.url, schema);
  await restoreDump(fresh.url, pieces(65_536));
  expect(await rowsOf(fresh.url)).toEqual(await rowsOf(full.url));
  await fresh.drop();
});

const idOf = (day: string): string => {
  const hex = Date.parse(day).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};

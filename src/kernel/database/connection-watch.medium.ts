import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { until } from '../../../test/harness/until.js';
import { Proxy } from '../../../test/faults/proxy.js';
import { ConnectionWatch } from './connection-watch.js';

let database: TestDatabase;
let cable: Proxy;
let pool: pg.Pool;
let watch: ConnectionWatch;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  const url = new URL(database.url);
  cable = await Proxy.to(Number(url.port));
  url.port = String(cable.port);
  pool = new pg.Pool({ connectionString: url.href, max: 4 });
  pool.on('error', () => undefined);
  watch = new ConnectionWatch(pool, url.href, 500);
  watch.start();
});
afterEach(async () => {
  watch.stop();
  cable.close();
  await pool.end();
});

it('gives up a statement that the server has never heard of, and a connection that only listens', async () => {
  const listening = await pool.connect();
  let ended = false;
  listening.on('error', () => undefined);
  listening.once('end', () => (ended = true));
  await listening.query('listen something');
  const waiting = await pool.connect();
  waiting.on('error', () => undefined);
  await waiting.query('select 1');
  cable.blackHole();
  const answer = waiting.query('select 2').then(
    () => 'answered',
    (error: Error) => error.message,
  );
  cable.mend();
  expect(await answer).toMatch(/^Connection terminated/);
  await until(() => ended, { describe: 'the listening connection to be given up' });
  waiting.release(true);
  listening.release(true);
  expect((await pool.query<{ three: number }>('select 3 as three')).rows).toEqual([{ three: 3 }]);
});

it('leaves a long statement alone, and those that wait beside it', async () => {
  const idle = await pool.connect();
  idle.on('error', () => undefined);
  const { rows } = await pool.query<{ done: number }>('select 1 as done from pg_sleep(2)');
  expect(rows).toEqual([{ done: 1 }]);
  expect((await idle.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }]);
  idle.release();
});

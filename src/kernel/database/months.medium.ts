import { randomBytes } from 'node:crypto';
import { Client, DatabaseError, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  asApplication,
  createTestDatabase,
  createUnmigratedDatabase,
  withClient,
  type TestDatabase,
} from '../../../test/harness/database.js';
import {
  idIn,
  makeMonth,
  monthAgo,
  partitionExists,
  plantJobs,
  plantLine,
} from '../../../test/harness/old-months.js';
import { migrate } from './migrate.js';

let database: TestDatabase;
/** No policy binds it. */
let owner: Client;
/** The role that the application works as. */
let application: Client;
let counter = 2;
let month: string;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = await connect(database.url);
  application = await connect(asApplication(database.url));
});
beforeEach(async () => {
  month = await monthAgo(owner, counter++);
  await makeMonth(owner, month);
});
afterAll(async () => {
  await owner.end();
  await application.end();
  await database.drop();
});

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

async function ask(client: Client, text: string): Promise<unknown> {
  const { rows } = await client.query<Record<string, unknown>>(text);
  return Object.values(rows[0] ?? {})[0];
}
const refusal = (client: Client, text: string): Promise<string> =>
  client.query(text).then(
    () => 'not refused',
    (error: unknown) => (error instanceof DatabaseError ? (error.code ?? '') : String(error)),
  );

const close = () => ask(application, `select close_month('${month}-01')`);
const drop = (table: string) => ask(application, `select drop_month('${table}', '${month}-01')`);

describe('a month of jobs', () => {
  it('is dropped once it was closed, and not before', async () => {
    await plantJobs(owner, [{ id: idIn(month) }]);
    expect(await refusal(application, `select drop_month('jobs', '${month}-01')`)).toBe('42501');
    expect(await close()).toBe(true);
    expect(await close()).toBe(true);
    expect(await drop('jobs')).toBe(true);
    expect(await partitionExists(owner, 'jobs', month)).toBe(false);
    expect(await drop('jobs')).toBe(false);
    expect(await close()).toBe(false);
  });

  it.each(['pending', 'running'] as const)('is not closed while a job of it is %s', async (status) => {
    await plantJobs(owner, [{ id: idIn(month) }, { id: idIn(month), status }]);
    expect(await close()).toBe(false);
    expect(await refusal(application, `select drop_month('jobs', '${month}-01')`)).toBe('42501');
  });

  it('takes no change and no new job once it is closed, but loses jobs, until it is opened again', async () => {
    const [job, other] = [idIn(month), idIn(month)];
    await plantJobs(owner, [{ id: job, status: 'failed' }, { id: other }]);
    await close();
    const retry = `update jobs set status = 'pending', completed_at = null, run_at = now() where id = '${job}'`;
    const add = `insert into jobs (id, type, queue, payload, run_at) values ('${idIn(month)}', 'copy', 'files', '{}', now())`;
    expect([await refusal(owner, retry), await refusal(owner, add)]).toEqual(['55P03', '55P03']);
    expect((await owner.query(`delete from jobs where id = '${other}'`)).rowCount).toBe(1);
    await ask(application, `select reopen_month('${month}-01')`);
    expect((await owner.query(retry)).rowCount).toBe(1);
  });

  it('is not dropped while lines refer to its jobs', async () => {
    const job = idIn(month);
    await plantJobs(owner, [{ id: job }]);
    await plantLine(owner, idIn(month), job);
    await close();
    expect(await refusal(application, `select drop_month('jobs', '${month}-01')`)).toBe('23503');
    expect(await drop('job_logs')).toBe(true);
    expect(await drop('jobs')).toBe(true);
  });

  it('gives up soon when somebody reads the table for long, and holds nobody up', async () => {
    await plantJobs(owner, [{ id: idIn(month) }]);
    await close();
    const reader = await connect(database.url);
    await reader.query('begin');
    await reader.query('select count(*) from jobs');
    const began = performance.now();
    const [attempt] = await Promise.all([
      refusal(application, `select drop_month('jobs', '${month}-01')`),
      owner.query('select count(*) from jobs'),
    ]);
    expect([attempt, performance.now() - began < 5_000]).toEqual(['55P03', true]);
    await reader.query('rollback');
    await reader.end();
    expect(await drop('jobs')).toBe(true);
  });
});

describe('what the application may drop', () => {
  it.each(['job_logs', 'events'])('is a month of %s that is over', async (table) => {
    expect(await drop(table)).toBe(true);
    expect(await partitionExists(owner, table, month)).toBe(false);
  });

  it.each([
    ['the audit trail', `select drop_month('audit_logs', '2020-01-01')`],
    ['another table', `select drop_month('users', '2020-01-01')`],
    ['what a name hides', `select drop_month('jobs"; drop table users; --', '2020-01-01')`],
    ['nothing', `select drop_month(null, '2020-01-01')`],
    ['the month that runs', `select drop_month('events', date_trunc('month', now())::date)`],
    [
      'a month to come',
      `select drop_month('events', (date_trunc('month', now()) + interval '1 month')::date)`,
    ],
    ['a day', `select drop_month('events', '2020-01-02')`],
    ['the running month of jobs, even closed', `select close_month(date_trunc('month', now())::date)`],
  ])('is not %s', async (_, text) => {
    expect(await refusal(application, text)).toBe('42501');
  });

  it('is not for everybody who may connect', async () => {
    const { rows } = await owner.query<{ open: boolean }>(
      `select bool_or(has_function_privilege('public', oid, 'execute')) as open from pg_proc
        where proname in ('close_month', 'reopen_month', 'drop_month')`,
    );
    expect(rows[0]?.open).toBe(false);
  });
});

it('works for an owner who is no superuser and is bound by the policies', async () => {
  const name = `owner_${randomBytes(6).toString('hex')}`;
  const place = await createUnmigratedDatabase();
  await withClient(place.url, async (client) => {
    await client.query(`create role ${name} login password 'x'`);
    await client.query(
      `alter database ${escapeIdentifier(new URL(place.url).pathname.slice(1))} owner to ${name}`,
    );
    await client.query(`alter schema public owner to ${name}`);
  });
  const address = new URL(place.url);
  address.username = name;
  address.password = 'x';
  await migrate(address.href);
  await withClient(address.href, async (client) => {
    await client.query(`set steward.system = 'test'`);
    await makeMonth(client, month);
    const job = idIn(month);
    await plantJobs(client, [{ id: job }]);
    await plantLine(client, idIn(await monthAgo(client, 0)), job);
    await client.query(`reset steward.system`);
    expect(await ask(client, `select close_month('${month}-01')`)).toBe(true);
    expect(await refusal(client, `select drop_month('jobs', '${month}-01')`)).toBe('23503');
    await client.query(`set steward.system = 'test'`);
    await client.query(`delete from job_logs`);
    expect(await ask(client, `select drop_month('jobs', '${month}-01')`)).toBe(true);
  });
  await withClient(place.url, (client) => client.query(`reassign owned by ${name} to current_user`));
  await place.drop();
  await withClient(database.url, (client) => client.query(`drop role ${name}`));
});

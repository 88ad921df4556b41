import type pg from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, openPool, type TestDatabase } from '../../../../test/harness/database.js';
import { openDatabase, type OpenDatabase } from '../../../../test/harness/open-database.js';
import { databaseNow, type DatabaseScope } from '../../../kernel/database/index.js';
import { RescueRepository } from './rescue.repository.js';
import { WorkersRepository } from './workers.repository.js';

const FIRST = '00000000-0000-0000-0000-000000000000';

let database: TestDatabase;
let opened: OpenDatabase;
let scope: DatabaseScope;
let sql: pg.Pool;
const rescues = new RescueRepository();
const workers = new WorkersRepository();

beforeAll(async () => {
  database = await createTestDatabase();
  opened = await openDatabase(database.url);
  scope = opened.database.system('test');
  sql = openPool(database.url);
});
afterAll(async () => {
  await sql.end();
  await opened.close();
  await database.drop();
});
beforeEach(async () => {
  await sql.query('delete from jobs');
  await sql.query('delete from workers');
});

const worker = async (silentSeconds: number): Promise<string> => {
  const id = v7();
  await sql.query(
    `insert into workers (id, hostname, pid, beat_at) values ($1, 'test', 1, clock_timestamp() - make_interval(secs => $2))`,
    [id, silentSeconds],
  );
  return id;
};
const running = async (workerId: string, more = ''): Promise<string> => {
  const id = v7();
  await sql.query(
    `insert into jobs (id, type, queue, payload, status, lease_epoch, created_at, started_at, worker_id) values ($1, 'x', 'default', '{}', 'running', 1, now(), now(), $2)`,
    [id, workerId],
  );
  if (more !== '') await sql.query(`update jobs set ${more} where id = $1`, [id]);
  return id;
};
const queued = async (count: number, secondsAgo: number, queue = 'default'): Promise<string[]> => {
  const ids = Array.from({ length: count }, () => v7());
  await sql.query(
    `insert into jobs (id, type, queue, payload, status, dispatch_no, dispatched_at)
       select id, 'x', $2, '{}', 'queued', 1, clock_timestamp() - make_interval(secs => $3) from unnest($1::uuid[]) as id`,
    [ids, queue, secondsAgo],
  );
  return ids;
};
const inStatus = async (status: string): Promise<string[]> =>
  (await sql.query<{ id: string }>(`select id from jobs where status = $1 order by id`, [status])).rows.map(
    ({ id }) => id,
  );

describe('a look at the workers', () => {
  it.each([
    ['nobody', [], false],
    ['one that has just beaten', [1], false],
    ['one silent for less than the limit', [11], false],
    ['one that has just fallen silent', [1, 13], true],
    ['one that fell silent long ago', [60], false],
  ])('with %s', async (_whom, silences, newlySilent) => {
    for (const seconds of silences) await worker(seconds);
    expect(await rescues.look(scope.read)).toMatchObject({ newlySilent, now: expect.any(Date) });
  });
});

describe('taking jobs back', () => {
  it('takes those of silent and of unknown workers, gives up poison, and ends what was to be cancelled', async () => {
    const [alive, silent] = [await worker(1), await worker(13)];
    const kept = await running(alive);
    const back = [await running(silent), await running(v7())];
    const poison = await running(silent, 'crash_count = 2');
    const unwanted = await running(silent, 'cancel_requested_at = clock_timestamp()');
    const { now } = await rescues.look(scope.read);
    const moved = await scope.tx((tx) => rescues.rescue(tx, now, []));
    expect(moved.map(({ id }) => id).toSorted()).toEqual([...back, poison, unwanted].toSorted());
    expect(await inStatus('running')).toEqual([kept]);
    expect(await inStatus('pending')).toEqual(back);
    expect([await inStatus('failed'), await inStatus('cancelled')]).toEqual([[poison], [unwanted]]);
  });

  it('takes nothing on the word of a look that is too old', async () => {
    await running(await worker(13));
    const before = new Date(Date.now() - 6_000);
    expect(await scope.tx((tx) => rescues.rescue(tx, before, []))).toEqual([]);
  });
});

describe('after the queue has lost everything', () => {
  it('sends back what was dispatched before, batch by batch, and nothing younger', async () => {
    const before = await queued(7, 60);
    const since = await databaseNow(scope.read);
    const [after] = await queued(1, -60);
    const batches: number[] = [];
    let last = FIRST;
    for (;;) {
      const sent = await scope.tx((tx) => rescues.sendBack(tx, since, last, 3));
      batches.push(sent?.jobs ?? -1);
      if (!sent || sent.last === null) break;
      last = sent.last;
    }
    expect(batches).toEqual([3, 3, 1, 0]);
    expect(await inStatus('pending')).toEqual(before);
    expect(await inStatus('queued')).toEqual([after]);
  });

  it('leaves it to the process that is doing it', async () => {
    await queued(2, 60);
    const since = await databaseNow(scope.read);
    await scope.tx(async (tx) => {
      expect(await rescues.sendBack(tx, since, FIRST, 1)).toMatchObject({ jobs: 1 });
      expect(await scope.tx((other) => rescues.sendBack(other, since, FIRST, 1))).toBeNull();
    });
  });
});

it('finds single jobs without a message by their age and by the messages that wait in their queue', async () => {
  const old = await queued(2, 40);
  const files = await queued(1, 40, 'files');
  await queued(1, 5);
  const now = await databaseNow(scope.read);
  const waiting = new Date(now.getTime() - 50_000);
  const reaches = [
    { queue: 'default', before: null },
    { queue: 'files', before: waiting },
  ] as const;
  expect(await scope.tx((tx) => rescues.requeueLost(tx, reaches, 10))).toBe(2);
  expect(await inStatus('pending')).toEqual(old);
  expect(await inStatus('queued')).toContain(files[0]);
});

it('says which of the jobs a worker works on are still its own, and which others its rows say it runs', async () => {
  const [me, other] = [await worker(1), await worker(1)];
  const mine = await running(me, 'cancel_requested_at = clock_timestamp()');
  const taken = await running(other);
  const stray = await running(me);
  expect(await workers.heldAmong(scope.read, me, [mine, taken, v7()])).toEqual([
    { id: mine, leaseEpoch: 1, cancelRequested: true },
  ]);
  expect(await workers.heldAmong(scope.read, me, [])).toEqual([]);
  expect((await workers.heldBy(scope.read, me)).map(({ id }) => id).toSorted()).toEqual([mine, stray]);
});

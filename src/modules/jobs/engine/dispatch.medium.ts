import { Client, type Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  asApplication,
  createTestDatabase,
  openPool,
  type TestDatabase,
} from '../../../../test/harness/database.js';
import { openDatabase, type OpenDatabase } from '../../../../test/harness/open-database.js';
import { newId } from '../../../kernel/database/index.js';
import {
  DISPATCH_DUE,
  DispatchRepository,
  NO_END,
  PRIORITIES,
  type DispatchedJob,
} from './dispatch.repository.js';
import { DueJobs } from './due-jobs.js';
import { FairTurns, NO_ID, type Floor } from './fair-turns.js';
import { UnlimitedJobs } from './unlimited-jobs.js';

let testDatabase: TestDatabase;
let open: OpenDatabase;
let pool: Pool;
const repository = new DispatchRepository();

/** One process without workers: what it dispatches is all that happens. */
function dispatching() {
  const turns = new FairTurns();
  const unlimited = new UnlimitedJobs(open.database, repository, turns);
  const due = new DueJobs(open.database, repository, turns);
  return {
    turns,
    due,
    take: (limit: number) => unlimited.take('default', limit),
    takeReached: (limit: number) => unlimited.takeReached('default', limit),
  };
}

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  open = await openDatabase(asApplication(testDatabase.url), 12);
  pool = openPool(testDatabase.url);
});
afterAll(async () => {
  await pool.end();
  await open.close();
  await testDatabase.drop();
});

async function person(): Promise<string> {
  const id = newId();
  await pool.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [id, `${id}@jobs.test`]);
  return id;
}

/** Very many rows: without looking up the owner of each. */
async function quickly(text: string, values: unknown[]): Promise<void> {
  const client = await pool.connect();
  await client.query('begin');
  await client.query('set local session_replication_role = replica');
  await client.query(text, values);
  await client.query('commit');
  client.release();
}

/** Due jobs as the door makes them, in one statement. */
async function add(
  { turns }: { turns: FairTurns },
  userId: string,
  count: number,
  priority = 5,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId());
  await quickly(
    `insert into jobs (id, user_id, type, queue, priority, payload, run_at, turn)
     select id, $2, 'quick', 'default', $3, '{}', now(), turn from unnest($1::uuid[], $4::bigint[]) as n(id, turn)`,
    [ids, userId, priority, turns.turnsFor('default', priority, userId, count)],
  );
  return ids;
}

/** Jobs that are pending until then. */
async function addLater(userId: string, count: number, runAt: string): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId());
  await quickly(
    `insert into jobs (id, user_id, type, queue, payload, run_at) select id, $2, 'quick', 'default', '{}', ${runAt} from unnest($1::uuid[]) as id`,
    [ids, userId],
  );
  return ids;
}

afterEach(async () => void (await pool.query('truncate jobs, job_turns cascade')));

describe('dispatching', () => {
  it('puts only a few of 100,000 jobs of one owner before the first of another', async () => {
    const process = dispatching();
    const [ann, bob] = [await person(), await person()];
    for (let n = 0; n < 10; n++) await add(process, ann, 10_000);
    expect(await process.take(300)).toHaveLength(300);
    const [first] = await add(process, bob, 1);
    const next = await process.take(10);
    expect(next.findIndex(({ id }) => id === first)).toBeLessThanOrEqual(1);
    expect(next.filter(({ id }) => id !== first).every(({ userId }) => userId === ann)).toBe(true);
  });

  it('lets through a full queue only what would not have to wait', async () => {
    const process = dispatching();
    const [ann, bob] = [await person(), await person()];
    await add(process, ann, 1_000);
    await process.take(100);
    expect(await process.takeReached(10)).toEqual([]);
    const ids = [await add(process, bob, 2), await add(process, bob, 2, 9)].map(([first]) => first);
    expect((await process.takeReached(10)).map(({ id }) => id)).toEqual(ids);
  });

  it('takes the priorities one after the other', async () => {
    const process = dispatching();
    const ann = await person();
    for (const priority of [9, 1, 5, 10]) await add(process, ann, 2, priority);
    const taken = [...(await process.take(5)), ...(await process.take(5))];
    expect(taken.map(({ priority }) => priority)).toEqual([1, 1, 5, 5, 9, 9, 10, 10]);
  });

  it('hands every job to exactly one of several dispatchers', async () => {
    const processes = Array.from({ length: 4 }, () => dispatching());
    const ids: string[] = [];
    const people = await Promise.all([person(), person(), person()]);
    const takeAll = async ({ take }: ReturnType<typeof dispatching>): Promise<DispatchedJob[]> => {
      const taken: DispatchedJob[] = [];
      // Twice nothing: what others held in a pass is theirs, or is there in the next.
      for (let empty = 0; empty < 2;) {
        const jobs = await take(37);
        taken.push(...jobs);
        empty = jobs.length === 0 ? empty + 1 : 0;
      }
      return taken;
    };
    for (const [index, one] of people.entries()) ids.push(...(await add(processes[index]!, one, 1_000)));
    const taken = (await Promise.all([...processes, ...processes].map(takeAll))).flat();
    expect(taken).toHaveLength(ids.length);
    expect(taken.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(taken.every(({ dispatchNo }) => dispatchNo === 1)).toBe(true);
  });

  it('finds what was committed late, below its floor', async () => {
    const process = dispatching();
    const ann = await person();
    await add(process, ann, 2_000);
    const late = new FairTurns();
    while ((await process.take(500)).length > 0);
    const [id] = await add({ turns: late }, ann, 1);
    const found: string[] = [];
    const began = performance.now();
    while (found.length === 0 && performance.now() - began < 20_000)
      found.push(...(await process.take(5)).map((job) => job.id));
    expect(found).toEqual([id]);
  });

  it('takes back what it could not send, under a new number', async () => {
    const process = dispatching();
    await add(process, await person(), 3);
    const jobs = await process.take(3);
    const claims = jobs.map(({ id, dispatchNo }) => [id, dispatchNo] as const);
    await repository.takeBack(open.database.system('test').read, claims);
    expect((await process.due.become()).queues).toEqual(['default']);
    const again = await process.take(3);
    expect(again.map(({ id }) => id).toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
    expect(again.map(({ dispatchNo }) => dispatchNo)).toEqual([2, 2, 2]);
    await repository.takeBack(open.database.system('test').read, claims);
    const { rows } = await pool.query(`select distinct status from jobs`);
    expect(rows).toEqual([{ status: 'queued' }]);
  });
});

describe('becoming due', () => {
  it('gives the flood of one owner turns that overtake nobody', async () => {
    const process = dispatching();
    const [ann, bob] = [await person(), await person()];
    await add(process, bob, 20);
    await addLater(ann, 2_000, `now() - interval '1 hour'`);
    for (let more = true; more;) more = (await process.due.become()).queues.length > 0;
    const taken = await process.take(40);
    expect(taken.filter(({ userId }) => userId === bob).length).toBeGreaterThanOrEqual(19);
  });

  it('says when the next one is due, and gives no turn before', async () => {
    const process = dispatching();
    const ann = await person();
    await addLater(ann, 1, `now() + interval '90 s'`);
    await addLater(ann, 1, `now() + interval '1 day'`);
    const { queues, nextInMs } = await process.due.become();
    expect(queues).toEqual([]);
    expect(nextInMs).toBeGreaterThan(60_000);
    expect(nextInMs).toBeLessThanOrEqual(90_000);
    expect(await process.take(5)).toEqual([]);
  });

  it('gives each of them one turn although several processes look', async () => {
    const processes = Array.from({ length: 4 }, () => dispatching());
    await addLater(await person(), 1_200, 'now()');
    const became = async ({ due }: ReturnType<typeof dispatching>): Promise<void> => {
      for (let rounds = 0; rounds < 8; rounds++) await due.become();
    };
    await Promise.all(processes.map(became));
    const { rows } = await pool.query(`select count(turn)::integer as given from jobs`);
    expect(rows).toEqual([{ given: 1_200 }]);
  });
});

describe('what dispatchers know of each other', () => {
  it('never goes back', async () => {
    const { read } = open.database.system('test');
    await repository.saveTurns(read, [
      { lane: 'files', priority: 5, turn: 3 },
      { lane: 'default', priority: 5, turn: 9 },
    ]);
    await repository.saveTurns(read, [{ lane: 'default', priority: 5, turn: 4 }]);
    expect(await repository.turns(read)).toEqual(
      expect.arrayContaining([
        { lane: 'files', priority: 5, turn: 3 },
        { lane: 'default', priority: 5, turn: 9 },
      ]),
    );
  });
});

describe('an old snapshot beside 100,000 dispatched jobs and 100,000 that wait for their time', () => {
  const JOBS = 100_000;
  let old: Client;
  let app: Client;

  beforeEach(async () => {
    const ann = await person();
    old = new Client({ connectionString: testDatabase.url });
    app = new Client({ connectionString: asApplication(testDatabase.url) });
    await Promise.all([old.connect(), app.connect()]);
    await app.query(`select set_config('steward.system', 'test', false)`);
    await old.query('begin isolation level repeatable read');
    await old.query('select count(*) from jobs');
    await addLater(ann, JOBS, `now() + interval '1 day'`);
  });
  afterEach(async () => {
    await old.query('rollback');
    await Promise.all([old.end(), app.end()]);
  });

  /** Pages that one dispatch of 10 jobs touches. */
  async function pagesOfADispatch(floors: readonly Floor[]): Promise<number> {
    await app.query('begin');
    const { rows } = await app.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json) ${DISPATCH_DUE}`,
      [
        'default',
        10,
        PRIORITIES,
        floors.map(({ turn }) => turn),
        floors.map(({ id }) => id),
        floors.map(() => NO_END),
      ],
    );
    await app.query('rollback');
    const { Plan: plan } = rows[0]!['QUERY PLAN'][0];
    return plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!;
  }

  it('costs a dispatch no more than usual, whether turns are those of one owner or one turn of many', async () => {
    const process = dispatching();
    const ann = await person();
    for (const [priority, turnOf] of [
      [5, (n: number) => n],
      [6, () => 0],
    ] as const) {
      const ids = Array.from({ length: JOBS / 2 }, () => newId());
      await quickly(
        `insert into jobs (id, user_id, type, queue, priority, payload, run_at, turn)
         select id, $2, 'quick', 'default', $3, '{}', now(), turn from unnest($1::uuid[], $4::bigint[]) as n(id, turn)`,
        [ids, ann, priority, ids.map((_, n) => turnOf(n))],
      );
    }
    while ((await process.take(500)).length === 500);
    const floors = PRIORITIES.map((priority) => process.turns.floor('default', priority));
    await add(process, ann, 10, 5);
    await add(process, ann, 10, 6);
    const usual = await pagesOfADispatch(floors);
    const whole = await pagesOfADispatch(PRIORITIES.map(() => ({ turn: 0, id: NO_ID })));
    expect(usual).toBeLessThan(800);
    // The same dispatch without floors: what an old snapshot would cost each time.
    expect(whole).toBeGreaterThan(1_500);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JobCrew } from '../../../../test/harness/job-crew.js';
import { openPool } from '../../../../test/harness/database.js';
import { until } from '../../../../test/harness/until.js';
import { Database, execute, queryOne, type Tx } from '../../../kernel/database/index.js';
import type { DispatchedJob } from './dispatch.repository.js';
import { LimitedJobs } from './limited-jobs.js';
import { LimitedDispatchRepository } from './limited-dispatch.repository.js';
import { LimitsSweep } from './limits-sweep.js';
import { Dispatcher } from './dispatcher.js';

let crew: JobCrew;
let limited: LimitedJobs;
let repository: LimitedDispatchRepository;
let wakes = 0;
beforeAll(async () => {
  // Nothing ticks and nothing runs: what is dispatched here, the test dispatches.
  crew = await JobCrew.start(1, 'api');
  const [app] = crew.apps;
  await app!.get(Dispatcher).beforeApplicationShutdown();
  limited = app!.get(LimitedJobs);
  repository = app!.get(LimitedDispatchRepository);
});
afterEach(async () => {
  limited.stop();
  await crew.sql('delete from jobs');
  await crew.sql('delete from job_rates');
});
afterAll(() => crew.stop());

/** Pending and due, or in flight. */
async function jobs(
  count: number,
  type: string,
  limitKey: string,
  status: 'pending' | 'queued' | 'running' = 'pending',
): Promise<void> {
  await crew.sql(
    `insert into jobs (id, user_id, type, queue, payload, status, limit_key, run_at, turn, priority)
     select gen_random_uuid(), $1, $2, 'default', '{}', $3, $4, case when $3 = 'pending' then now() end, case when $3 = 'pending' then n end,
            case when n % 2 = 0 then 3 else 7 end
       from generate_series(1, $5) as n`,
    [crew.userId, type, status, limitKey, count],
  );
}
const dispatch = async (limit = 200): Promise<string[]> => keysOf(await limited.take('default', limit));
async function keysOf(dispatched: readonly DispatchedJob[]): Promise<string[]> {
  const rows = await crew.sql<{ id: string; key: string }>(
    `select id, limit_key as key from jobs where id = any($1) and status = 'queued'`,
    [dispatched.map(({ id }) => id)],
  );
  const keys = new Map(rows.map(({ id, key }) => [id, key]));
  return dispatched.map(({ id }) => keys.get(id) ?? 'not queued');
}

describe('dispatching by count', () => {
  it('shares the room out evenly between keys, the most urgent of each first', async () => {
    for (const [key, count] of [
      ['a', 50],
      ['b', 1],
      ['c', 2],
    ] as const)
      await jobs(count, 'test-both', key);
    expect(await dispatch()).toEqual(['a', 'b', 'c', 'a']);
    const urgent = await crew.sql<{ priority: number }>(
      `select priority from jobs where status = 'queued' and limit_key = 'a'`,
    );
    expect(urgent).toEqual([{ priority: 3 }, { priority: 3 }]);
    expect(await dispatch()).toEqual([]);
  });

  it('gives every key a turn when there is room for few', async () => {
    for (let key = 0; key < 30; key += 1) await jobs(3, 'test-keyed', `k${key}`);
    const turns: string[] = [];
    for (let look = 0; look < 30; look += 1) turns.push(...(await dispatch(1)));
    expect(new Set(turns).size).toBe(30);
  });

  it('counts what is queued or running, and nothing that waits or has ended', async () => {
    await jobs(1, 'test-global', '', 'queued');
    await jobs(1, 'test-global', '', 'running');
    await jobs(5, 'test-global', '');
    expect(await dispatch()).toHaveLength(1);
    await crew.sql(
      `update jobs set status = 'cancelled', cancelled_at = clock_timestamp() + interval '1 s' where status = 'running'`,
    );
    expect(await dispatch()).toHaveLength(1);
  });

  it('hands out jobs whose type has lost its limits, or is not known any more', async () => {
    await jobs(3, 'test-until-started', 'old');
    await jobs(2, 'gone-type', 'old');
    expect(await dispatch()).toHaveLength(5);
  });

  it('leaves a paused queue alone', async () => {
    await jobs(1, 'test-global', '');
    await crew.sql(`insert into job_queues (name) values ('default')`);
    expect(await dispatch()).toEqual([]);
    await crew.sql(`delete from job_queues`);
    expect(await dispatch()).toHaveLength(1);
  });

  it('looks again soon when another dispatcher is at the type', async () => {
    await jobs(1, 'test-global', '');
    const pool = openPool(crew.databaseUrl);
    const other = await pool.connect();
    await other.query(`begin; select pg_try_advisory_xact_lock(7410030, hashtext('test-global'))`);
    limited.begin(() => (wakes += 1));
    wakes = 0;
    expect(await dispatch()).toEqual([]);
    await until(() => wakes === 1, { describe: 'the dispatcher to be woken' });
    await other.query('rollback');
    other.release();
    await pool.end();
    expect(await dispatch()).toHaveLength(1);
  });
});

describe('a rate', () => {
  it('holds jobs until it says, and wakes the dispatcher then', async () => {
    await jobs(7, 'test-rate', '');
    limited.begin(() => (wakes += 1));
    wakes = 0;
    const began = performance.now();
    expect(await dispatch()).toHaveLength(5);
    expect(await dispatch()).toEqual([]);
    await until(() => wakes > 0, { describe: 'the dispatcher to be woken' });
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(await dispatch()).toHaveLength(2);
  });

  it('holds keys of their own beside the limit per key, of which several may share one', async () => {
    for (const key of ['u1 x', 'u1 y', 'u2 x', 'u3 x']) await jobs(5, 'test-rate-key', key);
    const first = await dispatch();
    // One job of each user at a time, and two of x within the time.
    expect(first.filter((key) => key.endsWith(' x')).length).toBeLessThanOrEqual(2);
    expect(new Set(first.map((key) => key.split(' ')[0])).size).toBe(first.length);
    await crew.sql(
      `update jobs set status = 'completed', completed_at = clock_timestamp() + interval '1 s' where status = 'queued'`,
    );
    const later = [...first, ...(await dispatch())];
    expect(later.filter((key) => key.endsWith(' x'))).toHaveLength(2);
    expect(await crew.sql(`select 1 from job_rates`)).not.toEqual([]);
  });

  it('is forgotten when its time is over', async () => {
    await jobs(1, 'test-rate', '');
    await dispatch();
    const sweep = crew.apps[0]!.get(LimitsSweep);
    await sweep.sweep();
    expect(await crew.sql(`select 1 from job_rates`)).toHaveLength(1);
    await crew.sql(`update job_rates set expires_at = now() - interval '2 minutes'`);
    await sweep.sweep();
    expect(await crew.sql(`select 1 from job_rates`)).toEqual([]);
  });
});

describe('a hundred thousand jobs behind one key', () => {
  it('cost no more than a hundred, and delay no other key', async () => {
    const scope = crew.apps[0]!.get(Database).system('test');
    /** Rows that a whole look at the type reads. */
    const look = (): Promise<number> =>
      scope.tx(async (tx) => {
        // As the server plans them once it has seen them often: for any values.
        await execute(tx, 'set local plan_cache_mode = force_generic_plan');
        const before = await rowsRead(tx);
        await repository.waitingTypes(tx);
        await repository.begin(tx, 'test-keyed', 'default');
        await repository.inFlight(tx, 'test-keyed');
        await repository.waitingKeys(tx, 'test-keyed', 'busy', 200);
        const keys = await repository.waitingKeys(tx, 'test-keyed', null, 200);
        const free = keys.filter((key) => key !== 'busy');
        await repository.candidates(
          tx,
          'test-keyed',
          free,
          free.map(() => 2),
        );
        return (await rowsRead(tx)) - before;
      });
    await jobs(2, 'test-keyed', 'busy', 'running');
    await jobs(100, 'test-keyed', 'busy');
    await jobs(3, 'test-keyed', 'free');
    await crew.sql('vacuum analyze jobs');
    const few = await look();
    await jobs(100_000, 'test-keyed', 'busy');
    await crew.sql('vacuum analyze jobs');
    expect(few).toBeGreaterThan(0);
    expect(await look()).toBeLessThanOrEqual(Math.max(few, 50));
    expect(await dispatch()).toEqual(['free', 'free']);
  });
});

/** Rows of jobs that this connection has read and not told the server's statistics yet. */
async function rowsRead(tx: Tx): Promise<number> {
  const row = await queryOne<{ rows: number }>(
    tx,
    `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows from pg_stat_xact_user_tables where relname like 'jobs%'`,
  );
  return row?.rows ?? 0;
}

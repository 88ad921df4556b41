import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobCrew } from '../../../../test/harness/job-crew.js';
import { until } from '../../../../test/harness/until.js';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Dispatcher } from '../engine/dispatcher.js';
import { LimitsSweep } from '../engine/limits-sweep.js';
import { JobsService } from '../index.js';

let crew: JobCrew;
beforeAll(async () => {
  // Two processes, in which nothing is dispatched and nothing runs.
  crew = await JobCrew.start(2, 'api');
  for (const app of crew.apps) await app.get(Dispatcher).beforeApplicationShutdown();
});
afterAll(() => crew.stop());

const KINDS = ['test-until-started', 'test-until-finished'] as const;
type Kind = (typeof KINDS)[number];
const request = (type: Kind, key: string) => ({ type, payload: { key } });
const asOwner = <T>(work: (tx: Tx, service: JobsService, actor: UserActor) => Promise<T>): Promise<T> => {
  const app = crew.apps[0]!;
  const actor = crew.actor();
  return app
    .get(Database)
    .as(actor)
    .tx((tx) => work(tx, app.get(JobsService), actor));
};
const make = async (type: Kind, key: string): Promise<string> =>
  (await crew.create([request(type, key)]))[0]!;
const set = (id: string, status: string, more = ''): Promise<object[]> =>
  crew.sql(`update jobs set status = '${status}', run_at = null, turn = null ${more} where id = $1`, [id]);
const started = `, started_at = clock_timestamp() + interval '1 s'`;
const finished = `${started}, completed_at = clock_timestamp() + interval '2 s'`;

describe.each(KINDS)('a type that is unique (%s)', (type) => {
  it('makes exactly one job of fifty requests side by side in two processes, and records it once', async () => {
    for (const key of ['one', 'ключ 😀', 'x'.repeat(200)]) {
      const ids = await crew.create(Array.from({ length: 50 }, () => request(type, key)));
      expect(new Set(ids).size).toBe(1);
      const rows = await crew.sql(`select id from jobs where payload ->> 'key' = $1 and type = $2`, [
        key,
        type,
      ]);
      expect(rows).toEqual([{ id: ids[0] }]);
      const audit = await crew.sql(`select 1 from audit_logs where resource_id = $1`, [ids[0]]);
      expect(audit).toHaveLength(1);
    }
  });

  it('makes another one for another key', async () => {
    expect(await make(type, 'this')).not.toBe(await make(type, 'that'));
  });

  it('makes another one once the first has ended, however it did', async () => {
    for (const [status, more] of [
      ['completed', finished],
      ['failed', `${finished}, error = 'It failed.'`],
      ['cancelled', `, cancelled_at = clock_timestamp() + interval '1 s'`],
    ] as const) {
      const first = await make(type, `ended as ${status}`);
      await set(first, status, more);
      const second = await make(type, `ended as ${status}`);
      expect(second).not.toBe(first);
      expect(await make(type, `ended as ${status}`)).toBe(second);
    }
  });

  it('makes one when the request that was first is rolled back', async () => {
    let second: Promise<string> | undefined;
    const first = asOwner(async (tx, service, actor) => {
      await service.createIn(tx, actor, request(type, 'rolled back'));
      second = make(type, 'rolled back');
      throw new Error('rolled back');
    });
    await expect(first).rejects.toThrow('rolled back');
    const made = await second;
    const rows = await crew.sql(`select id from jobs where payload ->> 'key' = 'rolled back' and type = $1`, [
      type,
    ]);
    expect(rows).toEqual([{ id: made }]);
  });

  it('makes one when the job that had the key is gone', async () => {
    const first = await make(type, 'gone');
    await crew.sql(`delete from jobs where id = $1`, [first]);
    expect(await make(type, 'gone')).not.toBe(first);
  });
});

describe('until', () => {
  it('a job has started, one that runs keeps nobody away; until it has finished, it does', async () => {
    for (const [type, again] of [
      ['test-until-started', false],
      ['test-until-finished', true],
    ] as const) {
      const first = await make(type, 'running');
      await set(first, 'queued');
      expect(await make(type, 'running')).toBe(first);
      await set(first, 'running', started);
      expect((await make(type, 'running')) === first).toBe(again);
    }
  });

  it('a job cannot start between the answer that it will and the commit of whoever asked', async () => {
    const first = await make('test-until-started', 'about to start');
    let start: Promise<object[]> | undefined;
    const order: string[] = [];
    await asOwner(async (tx, service, actor) => {
      const again = await service.createIn(tx, actor, request('test-until-started', 'about to start'));
      expect(again).toBe(first);
      start = set(first, 'running', started).then((rows) => (order.push('started'), rows));
      await until(isBlocked, { describe: 'the start to wait' });
      order.push('committed');
    });
    await start;
    expect(order).toEqual(['committed', 'started']);
  });
});

/** Whether a statement waits for another transaction. */
const isBlocked = async (): Promise<boolean> =>
  (
    await crew.sql(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
  ).length > 0;

describe('keys', () => {
  it('belong to the owner: what somebody else asks for is a job of its own', async () => {
    const first = await make('test-until-finished', 'shared');
    const [theirs] = await crew.create([request('test-until-finished', 'shared')], await crew.person());
    expect(theirs).not.toBe(first);
  });

  it('of jobs that have ended are swept away, those of open ones stay', async () => {
    const open = await make('test-until-finished', 'open');
    const ended = await make('test-until-finished', 'ended');
    await set(ended, 'completed', finished);
    const sweep = crew.apps[0]!.get(LimitsSweep);
    const keys = async (): Promise<unknown[]> =>
      (
        await crew.sql<{ job_id: string }>(
          `select job_id from job_keys where job_id = any($1) order by job_id`,
          [[open, ended]],
        )
      ).map(({ job_id }) => job_id);
    await sweep.sweep();
    expect(await keys()).toHaveLength(2);
    await crew.sql(`update job_keys set updated_at = now() - interval '11 minutes'`);
    await sweep.sweep();
    expect(await keys()).toEqual([open]);
    expect(await make('test-until-finished', 'open')).toBe(open);
  });
});

import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { HintQueue } from '../../src/kernel/queue/index.js';
import type { AuditEntryView } from '../../src/modules/audit/audit.schema.js';
import type { QueueView, WorkerView } from '../../src/modules/jobs/queues/queues.schema.js';
import { Runs, TestJobsModule } from '../factories/jobs.js';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { JobWorld } from '../harness/job-world.js';
import { until } from '../harness/until.js';

interface Items<T> {
  readonly items: readonly T[];
}

describeOnBothQueues('queues', (redis) => {
  let world: JobWorld;
  let app: TestApp;
  let runs: Runs;
  let sql: pg.Client;

  beforeAll(async () => {
    world = await JobWorld.start({ redisUrl: redis, modules: [TestJobsModule] });
    ({ app, sql } = world);
    runs = app.get(Runs);
  });
  afterEach(async () => {
    await app.call('POST', '/api/queues/default/resume');
  });
  afterAll(async () => {
    await world.stop();
  });

  const create: JobWorld['create'] = (...request) => world.create(...request);
  const reach: JobWorld['reach'] = (...request) => world.reach(...request);
  const queue = async (): Promise<QueueView> => {
    const { body } = await app.call<Items<QueueView>>('GET', '/api/queues');
    return body.items.find((one) => one.name === 'default')!;
  };
  const pause = async (body: object): Promise<void> => {
    expect((await app.call('POST', '/api/queues/default/pause', { body })).status).toBe(200);
  };
  const databaseTime = async (): Promise<Date> =>
    (await sql.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]!.now;

  it('starts nothing of a paused queue, lets what runs go on, and goes on when resumed', async () => {
    const running = await create('test-wait');
    await until(() => runs.count(running.id) === 1, { describe: 'the handler to begin' });
    await pause({ note: 'a moment' });
    const waiting = await create('test-echo', { text: 'x' });
    const soon = new Date((await databaseTime()).getTime() + 300).toISOString();
    const later = await create('test-echo', { text: 'y' }, { scheduledFor: soon });
    runs.release(running.id);
    await reach(running.id, 'completed');
    // Both are due, and dispatchers have looked at them.
    await until(async () => (await queue()).depth.due === 2, { describe: 'the second to become due' });
    expect([runs.count(waiting.id), runs.count(later.id)]).toEqual([0, 0]);
    expect((await app.call('POST', '/api/queues/default/resume')).status).toBe(200);
    await reach(waiting.id, 'completed');
    await reach(later.id, 'completed');
  });

  it('starts nothing that was handed to the workers before the pause', async () => {
    const made = Array.from({ length: 400 }, (_, n) => create('test-echo', { text: String(n) }));
    await until(
      async () => (await sql.query(`select from jobs where status = 'queued' limit 1`)).rowCount === 1,
      {
        describe: 'jobs to be handed to the workers',
      },
    );
    await pause({ note: 'a moment' });
    const paused = await databaseTime();
    const jobs = await Promise.all(made);
    const hints = app.get(HintQueue);
    await until(async () => (await hints.waiting('default')).count === 0, {
      describe: 'every hint to be taken',
    });
    await until(async () => (await queue()).depth.running === 0, { describe: 'what ran to end' });
    expect((await queue()).depth).toMatchObject({ queued: 0, running: 0 });
    expect((await sql.query('select from jobs where started_at > $1', [paused])).rowCount).toBe(0);
    const { rows } = await sql.query<{ count: number }>(
      `select count(*)::integer from jobs where status = 'pending' and type = 'test-echo'`,
    );
    expect(rows[0]?.count).toBe((await queue()).depth.due);
    expect((await app.call('POST', '/api/queues/default/resume')).status).toBe(200);
    for (const { id } of jobs) await reach(id, 'completed');
    expect(jobs.map(({ id }) => runs.count(id))).toEqual(jobs.map(() => 1));
  });

  it('goes on by itself at the end of the pause, and the trail says so', async () => {
    const end = new Date((await databaseTime()).getTime() + 500);
    await pause({ note: 'half a second', until: end.toISOString() });
    const { id } = await create('test-echo', { text: 'x' });
    const done = await reach(id, 'completed');
    expect(Date.parse(done.startedAt!)).toBeGreaterThanOrEqual(end.getTime());
    const cleared = await until(
      async () => {
        const { body } = await app.call<Items<AuditEntryView>>(
          'GET',
          '/api/audit-logs?action=queue.resume&limit=1',
        );
        return body.items.find(({ actorType }) => actorType === 'system');
      },
      { describe: 'the entry of the system' },
    );
    expect(cleared).toMatchObject({ resourceId: 'default', details: { until: end.toISOString() } });
    expect((await sql.query('select from job_queues')).rowCount).toBe(0);
  });

  it('has this process among its workers', async () => {
    const { body } = await app.call<Items<WorkerView>>('GET', '/api/workers');
    expect(body.items).toMatchObject([{ pid: process.pid, state: 'alive', queues: ['default', 'files'] }]);
    expect(await queue()).toMatchObject({ workers: 1, paused: null });
  });
});

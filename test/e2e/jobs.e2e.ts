import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/kernel/database/index.js';
import { HintQueue } from '../../src/kernel/queue/index.js';
import { JobsService } from '../../src/modules/jobs/index.js';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { Runs, TestJobsModule } from '../factories/jobs.js';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { JobWorld } from '../harness/job-world.js';
import { until } from '../harness/until.js';

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string }[];
}
interface List<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

describeOnBothQueues('jobs', (redis) => {
  let world: JobWorld;
  let app: TestApp;
  let runs: Runs;
  let sql: pg.Client;

  beforeAll(async () => {
    world = await JobWorld.start({ redisUrl: redis, modules: [TestJobsModule] });
    ({ app, sql } = world);
    runs = app.get(Runs);
  });
  afterAll(async () => {
    await world.stop();
  });

  const create: JobWorld['create'] = (...request) => world.create(...request);
  const get: JobWorld['get'] = (...request) => world.get(...request);
  const reach: JobWorld['reach'] = (...request) => world.reach(...request);

  it('runs a job and keeps its result, progress, log and events', async () => {
    const { id } = await create('test-echo', { text: 'سلام 안녕 สวัสดี привет 😀' }, { priority: 1 });
    const done = await reach(id, 'completed');
    expect(done).toMatchObject({
      progress: 100,
      result: { text: 'سلام 안녕 สวัสดี привет 😀' },
      error: null,
      priority: 1,
      retryCount: 0,
    });
    expect(done.durationMs).toBeGreaterThanOrEqual(0);
    const logs = await app.call<List<{ message: string; level: string }>>('GET', `/api/jobs/${id}/logs`);
    expect(logs.body.items).toMatchObject([{ level: 'info', message: 'echo سلام 안녕 สวัสดี привет 😀' }]);
    const { rows } = await sql.query(`select type, data from events where subject_id = $1`, [id]);
    expect(rows).toMatchObject([{ type: 'job.completed', data: { type: 'test-echo', status: 'completed' } }]);
  });

  it('tries again after failures that may pass, and gives up when the attempts are spent', async () => {
    const passing = await create('test-flaky', { failures: 2 });
    const failing = await create('test-flaky', { failures: 9 }, { maxRetries: 1 });
    expect(await reach(passing.id, 'completed')).toMatchObject({ retryCount: 2 });
    expect(runs.count(passing.id)).toBe(3);
    expect(await reach(failing.id, 'failed')).toMatchObject({
      retryCount: 1,
      error: 'failure 2',
      errorCode: 'error',
    });
    expect(runs.count(failing.id)).toBe(2);
  });

  it('fails at once on a fault of the user', async () => {
    const { id } = await create('test-refused');
    expect(await reach(id, 'failed')).toMatchObject({ retryCount: 0, errorCode: 'not_this_one' });
  });

  it.each(['error', 'result', 'log', 'progress'])(
    'no job stays stuck because of what its %s contains',
    async (where) => {
      const { id } = await create('test-unstorable', { where });
      await reach(id, where === 'error' ? 'failed' : 'completed');
    },
  );

  it('cancels a waiting job at once and a running one through its signal; an ended one is a conflict', async () => {
    const waiting = await create('test-echo', { text: 'x' }, { scheduledFor: '2999-01-01T00:00:00+03:30' });
    expect(waiting).toMatchObject({ status: 'pending', scheduledFor: '2998-12-31T20:30:00.000Z' });
    expect((await app.call<JobView>('POST', `/api/jobs/${waiting.id}/cancel`)).body.status).toBe('cancelled');
    const running = await create('test-wait');
    await until(() => runs.count(running.id) === 1, { describe: 'the handler to begin' });
    expect((await app.call<JobView>('POST', `/api/jobs/${running.id}/cancel`)).body.cancelRequested).toBe(
      true,
    );
    const cancelled = await reach(running.id, 'cancelled');
    expect(cancelled.cancelledAt).not.toBeNull();
    const again = await app.call<Problem>('POST', `/api/jobs/${running.id}/cancel`);
    expect([again.status, again.body.code]).toEqual([409, 'job_ended']);
    expect(runs.count(waiting.id)).toBe(0);
  });

  it('does not run again what was to be cancelled while its attempt failed', async () => {
    const { id } = await create('test-wait');
    await until(() => runs.count(id) === 1, { describe: 'the handler to begin' });
    // As if the push was lost and the next beat has yet to come.
    await sql.query(`update jobs set cancel_requested_at = clock_timestamp() where id = $1`, [id]);
    runs.fail(id);
    expect(await reach(id, 'cancelled')).toMatchObject({ completedAt: null });
    expect(runs.count(id)).toBe(1);
    const { rows } = await sql.query(`select type from events where subject_id = $1`, [id]);
    expect(rows).toEqual([{ type: 'job.cancelled' }]);
  });

  it('retries by hand what failed, with fresh attempts, and nothing else', async () => {
    const { id } = await create('test-flaky', { failures: 1 }, { maxRetries: 0 });
    await reach(id, 'failed');
    const retried = await app.call<JobView>('POST', `/api/jobs/${id}/retry`);
    expect(retried.body).toMatchObject({ retryCount: 0, error: null, completedAt: null });
    await until(() => runs.count(id) === 2, { describe: 'the second run' });
    await reach(id, 'failed');
    const { id: done } = await create('test-echo', { text: 'y' });
    await reach(done, 'completed');
    expect((await app.call('POST', `/api/jobs/${done}/retry`)).status).toBe(409);
  });

  it('runs a job once however often its hint is delivered', async () => {
    const { id } = await create('test-echo', { text: 'once' });
    await reach(id, 'completed');
    const hints = app.get(HintQueue);
    for (const dispatchNo of [0, 1, 1, 2])
      await hints.add('default', [{ jobs: [[id, dispatchNo]], dispatchedAt: 0 }]);
    const marker = await create('test-echo', { text: 'marker' });
    await reach(marker.id, 'completed');
    expect(runs.count(id)).toBe(1);
  });

  it('refuses every write of an attempt whose lease was taken', async () => {
    const { id } = await create('test-wait');
    await until(() => runs.count(id) === 1, { describe: 'the handler to begin' });
    await sql.query(`update jobs set lease_epoch = lease_epoch + 1 where id = $1`, [id]);
    runs.release(id);
    const marker = await create('test-echo', { text: 'marker' });
    await reach(marker.id, 'completed');
    expect(await get(id)).toMatchObject({ status: 'running', result: null });
    await sql.query(`update jobs set worker_id = null where id = $1`, [id]);
    await until(() => runs.count(id) === 2, { describe: 'another attempt after the rescue' });
    runs.release(id);
    expect(await reach(id, 'completed')).toMatchObject({ crashCount: 1, retryCount: 0 });
  });

  it('refuses what a stale attempt writes itself, and keeps a successor waiting for what a living one writes', async () => {
    const { id } = await create('test-wait');
    await until(() => runs.count(id) === 1, { describe: 'the handler to begin' });
    const jobs = app.get(JobsService);
    const scope = app.get(Database).system('a handler');
    await scope.tx(async (tx) => {
      await jobs.assertHeld(tx, { jobId: id, leaseEpoch: 1 });
      await sql.query(`set lock_timeout = '100ms'`);
      const taken = sql.query(`update jobs set lease_epoch = lease_epoch + 1 where id = $1`, [id]);
      await expect(taken).rejects.toMatchObject({ code: '55P03' });
      await sql.query('reset lock_timeout');
    });
    const stale = scope.tx((tx) => jobs.assertHeld(tx, { jobId: id, leaseEpoch: 0 }));
    await expect(stale).rejects.toMatchObject({ code: 'lease_lost' });
    runs.release(id);
    await reach(id, 'completed');
    const late = scope.tx((tx) => jobs.assertHeld(tx, { jobId: id, leaseEpoch: 1 }));
    await expect(late).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('takes jobs back from dead workers and stops at the third crash', async () => {
    const owner = await app.user();
    const dead = randomUUID();
    await sql.query(
      `insert into workers (id, hostname, pid, beat_at) values ($1, 'gone', 1, now() - interval '13 s')`,
      [dead],
    );
    const orphan = async (crashes: number): Promise<string> => {
      const id = randomUUID();
      await sql.query(
        `insert into jobs (id, user_id, type, queue, payload, status, worker_id, started_at, crash_count, lease_epoch)
           values ($1, $2, 'test-echo', 'default', '{"text":"again"}', 'running', $3, clock_timestamp() + interval '1 ms', $4, 1)`,
        [id, owner.id, dead, crashes],
      );
      return id;
    };
    const [first, third] = [await orphan(0), await orphan(2)];
    expect(await reach(first, 'completed')).toMatchObject({ crashCount: 1 });
    expect(await reach(third, 'failed')).toMatchObject({ crashCount: 3, errorCode: 'poison' });
  });

  it('hands back a job that its worker claimed without getting the answer', async () => {
    const { rows } = await sql.query<{ id: string }>(`select id from workers order by beat_at desc limit 1`);
    const { id } = await create('test-echo', { text: 'stray' }, { scheduledFor: '2999-01-01T00:00:00Z' });
    await sql.query(
      `update jobs set status = 'running', run_at = null, worker_id = $2, lease_epoch = 1, started_at = clock_timestamp() where id = $1`,
      [id, rows[0]?.id],
    );
    expect(await reach(id, 'completed')).toMatchObject({ retryCount: 0, crashCount: 0 });
    expect(runs.count(id)).toBe(1);
  });

  it('ends a job whose outcome the database refuses, and none of those that travelled with it', async () => {
    await sql.query(
      `alter table jobs add constraint refuse_one check (result ->> 'text' is distinct from 'refuse me') not valid`,
    );
    const [refused, ...others] = await Promise.all(
      ['refuse me', 'one', 'two', 'three'].map((text) => create('test-echo', { text })),
    );
    expect(await reach(refused?.id ?? '', 'failed')).toMatchObject({ errorCode: 'outcome_unstorable' });
    for (const { id } of others) await reach(id, 'completed');
    await sql.query(`alter table jobs drop constraint refuse_one`);
  });

  it('finds a queued job whose hint got lost', async () => {
    const { id } = await create('test-echo', { text: 'lost' }, { scheduledFor: '2999-01-01T00:00:00Z' });
    await sql.query(
      `update jobs set status = 'queued', run_at = null, dispatch_no = 7, dispatched_at = now() - interval '31 s' where id = $1`,
      [id],
    );
    await reach(id, 'completed');
    expect(runs.count(id)).toBe(1);
  });

  it('fails visibly what it cannot run: an unknown type, a payload the type refuses, an inactive owner', async () => {
    const { id } = await create('test-echo', { text: 'x' }, { scheduledFor: '2999-01-01T00:00:00Z' });
    const later = async (change: string): Promise<string> => {
      const copy = randomUUID();
      await sql.query(
        `insert into jobs (id, user_id, type, queue, payload, run_at) select $1, user_id, type, queue, payload, '2999-01-01' from jobs where id = $2`,
        [copy, id],
      );
      await sql.query(`update jobs set run_at = now(), ${change} where id = $1`, [copy]);
      return copy;
    };
    expect(await reach(await later(`type = 'no-such-type'`), 'failed')).toMatchObject({
      errorCode: 'job_type_unknown',
    });
    expect(await reach(await later(`payload = '{"text": 5}'`), 'failed')).toMatchObject({
      errorCode: 'validation_failed',
    });
    const user = await app.user();
    const theirs = await create(
      'test-echo',
      { text: 'x' },
      { scheduledFor: '2999-01-01T00:00:00Z' },
      user.token,
    );
    await app.call('PATCH', `/api/users/${user.id}`, { body: { isActive: false } });
    await sql.query(`update jobs set run_at = now() where id = $1`, [theirs.id]);
    expect(await reach(theirs.id, 'failed')).toMatchObject({ errorCode: 'owner_inactive' });
  });

  it('drains many quick jobs that share hints, each exactly once', async () => {
    const made = await Promise.all(
      Array.from({ length: 120 }, (_, n) => create('test-echo', { text: String(n) })),
    );
    for (const { id } of made) await reach(id, 'completed');
    expect(made.map(({ id }) => runs.count(id))).toEqual(made.map(() => 1));
  });

  it('replays the first answer to a repeated Idempotency-Key, also for requests side by side', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { type: 'test-echo', payload: { text: 'once only' } };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => app.call<JobView>('POST', '/api/jobs', { body, headers })),
    );
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get('idempotency-replayed') === 'true')).toHaveLength(7);
    const other = await app.call<Problem>('POST', '/api/jobs', { body: { ...body, priority: 2 }, headers });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('names every wrong field', async () => {
    const wrong = async (body: object): Promise<string> => {
      const answer = await app.call<Problem>('POST', '/api/jobs', { body });
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      return `${answer.status} ${answer.body.code} ${answer.body.errors.map(({ pointer }) => pointer).join(' ')}`;
    };
    const payload = { text: 'x' };
    expect(await wrong({ type: 'no-such', payload })).toBe('400 job_type_unknown /type');
    expect(await wrong({ type: 'test-echo' })).toBe('400 validation_failed /payload');
    expect(await wrong({ type: 'test-echo', payload: { text: 5, more: 1 } })).toBe(
      '400 validation_failed /payload/text /payload/more',
    );
    expect(await wrong({ type: 'test-echo', payload: { text: 'a\0b' } })).toBe(
      '400 validation_failed /payload/text',
    );
    expect(await wrong({ type: 'test-echo', payload, priority: 0 })).toBe('400 validation_failed /priority');
    expect(await wrong({ type: 'test-echo', payload, priority: 11, maxRetries: -1 })).toBe(
      '400 validation_failed /priority /maxRetries',
    );
    expect(await wrong({ type: 'test-echo', payload, scheduledFor: '2026-01-01T00:00:00' })).toBe(
      '400 validation_failed /scheduledFor',
    );
    expect(await wrong({ type: 'test-echo', payload, ownerId: 'me' })).toBe('400 validation_failed /ownerId');
  });

  it('shows a job to its owner and to admins only, and lists by filter and cursor', async () => {
    const [alice, bob] = [await app.user(), await app.user()];
    const ids: string[] = [];
    for (const n of [1, 2, 3])
      ids.unshift((await create('test-echo', { text: String(n) }, {}, alice.token)).id);
    for (const id of ids) await reach(id, 'completed');
    const foreign = await app.call('GET', `/api/jobs/${ids[0]}`, { token: bob.token });
    expect(foreign.status).toBe(404);
    for (const action of ['cancel', 'retry'])
      expect((await app.call('POST', `/api/jobs/${ids[0]}/${action}`, { token: bob.token })).status).toBe(
        404,
      );
    const list = (query: string, token: string) =>
      app.call<List<JobView>>('GET', `/api/jobs?${query}`, { token });
    const first = await list('limit=2', alice.token);
    const second = await list(`limit=2&cursor=${first.body.nextCursor}`, alice.token);
    expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual(ids);
    expect(second.body.nextCursor).toBeNull();
    expect((await list('status=failed', alice.token)).body.items).toEqual([]);
    expect((await list('all=true', alice.token)).status).toBe(403);
    expect((await list('unknown=1', alice.token)).status).toBe(400);
    const admin = await app.call<List<JobView>>('GET', `/api/jobs?userId=${alice.id}&status=completed`);
    expect(admin.body.items.map(({ id }) => id)).toEqual(ids);
    const refused = await app.call<Problem>('POST', '/api/jobs', {
      body: { type: 'test-admins-only', payload: {} },
      token: alice.token,
    });
    expect([refused.status, refused.body.code]).toEqual([403, 'role_required']);
  });
});

describe('a worker that shuts down', () => {
  it('hands a running job back without spending an attempt', async () => {
    const app = await TestApp.start({
      modules: [TestJobsModule],
      environment: { STEWARD_SHUTDOWN_SECONDS: '1' },
    });
    const runs = app.get(Runs);
    const { body } = await app.call<JobView>('POST', '/api/jobs', {
      body: { type: 'test-wait', payload: {} },
    });
    await until(() => runs.count(body.id) === 1, { describe: 'the handler to begin' });
    let row: { status: string; retry_count: number; crash_count: number } | undefined;
    const sql = new pg.Client({ connectionString: app.settings.databaseUrl });
    await sql.connect();
    await app.stop(async () => {
      const { rows } = await sql.query<{ status: string; retry_count: number; crash_count: number }>(
        `select status, retry_count, crash_count from jobs where id = $1`,
        [body.id],
      );
      [row] = rows;
      await sql.end();
    });
    // Pending, or dispatched already for whoever takes it next.
    expect(row).toMatchObject({ retry_count: 0, crash_count: 0 });
    expect(['pending', 'queued']).toContain(row?.status);
  });
});

describe('a database that stands still', () => {
  it('does not make living workers lose their jobs', async () => {
    const app = await TestApp.start({ modules: [TestJobsModule] });
    const runs = app.get(Runs);
    const { body } = await app.call<JobView>('POST', '/api/jobs', {
      body: { type: 'test-wait', payload: {} },
    });
    await until(() => runs.count(body.id) === 1, { describe: 'the handler to begin' });
    const sql = new pg.Client({ connectionString: app.settings.databaseUrl });
    await sql.connect();
    await sql.query('begin');
    await sql.query('lock table jobs, workers in access exclusive mode');
    await sql.query('select pg_sleep(14)'); // longer than a worker may be silent
    await sql.query('commit');
    // By then what had waited for the lock has run, the search for dead workers too.
    await until(
      async () => {
        const { rows } = await sql.query(`select 1 from workers where beat_at > now() - interval '1 s'`);
        return rows.length > 0;
      },
      { describe: 'a beat after the standstill' },
    );
    runs.release(body.id);
    const done = await until(
      async () => {
        const { body: job } = await app.call<JobView>('GET', `/api/jobs/${body.id}`);
        return job.completedAt === null ? null : job;
      },
      { describe: 'the job to end' },
    );
    expect(done).toMatchObject({ status: 'completed', crashCount: 0 });
    expect(runs.count(body.id)).toBe(1);
    await sql.end();
    await app.stop();
  });
});

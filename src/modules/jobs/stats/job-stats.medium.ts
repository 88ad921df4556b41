import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestJobsModule } from '../../../../test/factories/jobs.js';
import { TestApp } from '../../../../test/harness/app.js';
import { Database } from '../../../kernel/database/index.js';
import { EndedJobs } from '../engine/ended-jobs.js';
import type { EndedJob } from '../engine/job-moves.repository.js';
import type { QueueView } from '../queues/queues.schema.js';
import { JobCounters } from './job-counters.js';
import { JobSeries } from './job-series.js';
import type { JobStatsView } from './job-stats.schema.js';

let app: TestApp;
let sql: Client;
beforeAll(async () => {
  app = await TestApp.start({ modules: [TestJobsModule], environment: { STEWARD_ROLE: 'api' } });
  sql = new Client({ connectionString: app.settings.databaseUrl });
  await sql.connect();
  // Nobody dispatches what the tests put there.
  for (const name of ['default', 'files'])
    await app.call('POST', `/api/queues/${name}/pause`, { body: { note: 'tests' } });
});
afterEach(async () => {
  await sql.query('delete from jobs');
  await sql.query('delete from job_minutes');
  await sql.query('delete from job_depths');
});
afterAll(async () => {
  await sql.end();
  await app.stop();
});

const stats = async (query = '', token?: string): Promise<JobStatsView> => {
  const { status, body } = await app.call<JobStatsView>(
    'GET',
    `/api/jobs/stats${query}`,
    token ? { token } : {},
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};

/** Made some minutes ago, waited `wait` ms and ran for `ran` ms. */
async function ended(
  userId: string,
  status: 'completed' | 'failed' | 'cancelled',
  { type = 'test-echo', minutes = 5, wait = 0, ran = 0, code = null as string | null, retries = 0 } = {},
): Promise<void> {
  await sql.query(
    `with at as (select date_trunc('milliseconds', now() - make_interval(mins => $4)) as made)
     insert into jobs (id, user_id, type, queue, payload, status, created_at, lease_epoch, started_at, completed_at, cancelled_at, error_code, retry_count, error)
     select overlay(gen_random_uuid()::text placing left(uuid_v7_floor(made)::text, 14) || '7' from 1)::uuid, $1, $2, 'default', '{}', $3, made, 1,
            made + make_interval(secs => $5::float / 1000),
            case when $3 <> 'cancelled' then made + make_interval(secs => ($5::float + $6::float) / 1000) end,
            case when $3 = 'cancelled' then made + make_interval(secs => ($5::float + $6::float) / 1000) end, $7, $8,
            case when $3 = 'failed' then 'It failed.' end from at`,
    [userId, type, status, minutes, wait, ran, code, retries],
  );
}
const open = (userId: string | null, values: object = {}): Promise<unknown> => {
  const row = {
    id: crypto.randomUUID(),
    user_id: userId,
    type: 'test-echo',
    queue: 'default',
    payload: {},
    status: 'pending',
    run_at: new Date(),
    turn: 0,
    ...values,
  };
  const columns = Object.keys(row);
  return sql.query(
    `insert into jobs (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  );
};

describe("statistics of one's own jobs", () => {
  it('count what was made within the period, by status and type, with their times', async () => {
    const [ann, bob] = [await app.user(), await app.user()];
    for (let n = 1; n <= 20; n++) await ended(ann.id, 'completed', { wait: n, ran: n * 100 });
    await ended(ann.id, 'failed', { type: 'test-flaky', code: 'timeout', wait: 1000, ran: 5, retries: 3 });
    await ended(ann.id, 'failed', { type: 'test-flaky', code: 'timeout', wait: 1000, ran: 5 });
    await ended(ann.id, 'failed', { type: 'test-flaky', code: 'poison', wait: 1000, ran: 5 });
    await ended(ann.id, 'cancelled', { type: 'test-flaky' });
    await ended(ann.id, 'completed', { minutes: 25 * 60 });
    await ended(bob.id, 'completed');
    const own = await stats('', ann.token);
    expect(own).toMatchObject({
      counts: 'made',
      complete: true,
      byStatus: { pending: 0, queued: 0, running: 0, completed: 20, failed: 3, cancelled: 1 },
      repeatedAttempts: 3,
      finishedPerMinute: 24 / 1440,
      failures: [
        { code: 'timeout', jobs: 2 },
        { code: 'poison', jobs: 1 },
      ],
      byType: [
        {
          type: 'test-echo',
          waiting: { jobs: 20, meanMs: 10.5, maxMs: 20 },
          running: { jobs: 20, meanMs: 1050, maxMs: 2000 },
        },
        { type: 'test-flaky', byStatus: { completed: 0, failed: 3, cancelled: 1 } },
      ],
      waiting: { jobs: 24, maxMs: 1000 },
    });
    for (const [told, truth] of [
      [own.byType[0]?.waiting.p50Ms, 10],
      [own.byType[0]?.running.p50Ms, 1000],
      [own.byType[0]?.running.p95Ms, 1900],
    ] as const)
      expect(Math.abs(told! / truth - 1)).toBeLessThan(0.2);
    expect(Date.parse(own.to) - Date.parse(own.from)).toBe(86_400_000);
    expect((await stats(`?userId=${ann.id}`)).byStatus).toEqual(own.byStatus);
    expect((await stats(`?from=2020-01-01T00:00:00Z`, ann.token)).byStatus.completed).toBe(21);
    expect(
      (await stats('?from=2998-01-01T00:00:00Z&to=2999-01-01T00:00:00Z', ann.token)).byStatus.completed,
    ).toBe(0);
  });

  it('show waiting jobs, without times that there are none of', async () => {
    const { id, token } = await app.user();
    await app.call('POST', '/api/jobs', { token, body: { type: 'test-echo', payload: { text: 'x' } } });
    expect(await stats('', token)).toMatchObject({
      byStatus: { pending: 1, completed: 0 },
      waiting: { jobs: 0, meanMs: null, p50Ms: null, p95Ms: null, maxMs: null },
      running: { jobs: 0, meanMs: null },
      failures: [],
    });
    expect((await sql.query('select from jobs where user_id = $1', [id])).rowCount).toBe(1);
  });

  it('say so when they are of the newest jobs only', async () => {
    const { id, token } = await app.user();
    await sql.query(
      `insert into jobs (id, user_id, type, queue, payload, run_at, created_at)
       select overlay(gen_random_uuid()::text placing left(uuid_v7_floor(at)::text, 14) || '7' from 1)::uuid, $1, 'test-echo', 'default', '{}', '2999-01-01', at
         from (select date_trunc('milliseconds', now()) - n * interval '100 ms' as at from generate_series(1, 10500) as n) as made`,
      [id],
    );
    const some = await stats('', token);
    expect(some).toMatchObject({ complete: false, byStatus: { pending: 10_000 } });
    const seconds = (Date.now() - Date.parse(some.from)) / 1000;
    expect(seconds).toBeGreaterThan(999);
    expect(seconds).toBeLessThan(1_040);
    expect((await stats(`?from=${some.from}`, token)).byStatus.pending).toBeLessThanOrEqual(10_000);
  });

  it.each([
    ['?from=2020-01-01', '/from'],
    ['?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', '/from'],
    ['?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', '/from'],
    ['?to=', '/to'],
    ['?all=yes', '/all'],
    ['?userId=%F0%9F%98%80', '/userId'],
    ['?status=failed', '/status'],
  ])('refuse %s', async (query, pointer) => {
    const { status, body } = await app.call<{ errors: { pointer: string }[] }>(
      'GET',
      `/api/jobs/stats${query}`,
    );
    expect([status, body.errors.map((error) => error.pointer)]).toEqual([400, [pointer]]);
  });

  it('of others are for admins', async () => {
    const [ann, bob] = [await app.user('power_user'), await app.user()];
    for (const query of ['?all=true', '?all=false', `?userId=${bob.id}`, `?userId=${ann.id}`])
      expect((await app.call('GET', `/api/jobs/stats${query}`, { token: ann.token })).status).toBe(403);
  });
});

const one: EndedJob = {
  id: 'x',
  userId: null,
  type: 'test-echo',
  queue: 'default',
  scheduleId: null,
  status: 'completed',
  error: null,
  errorCode: null,
  waitedMs: 10,
  ranMs: 100,
};
async function tell(...jobs: EndedJob[]): Promise<void> {
  await app
    .get(Database)
    .system('test')
    .tx(async (tx) => app.get(EndedJobs).tellAfter(tx, jobs));
}

describe("statistics of everybody's jobs", () => {
  it('are added up from what the processes counted, and from what is open', async () => {
    await tell(one, { ...one, ranMs: 400, waitedMs: null });
    await app.get(JobCounters).settle();
    await tell(one, { ...one, status: 'failed', errorCode: 'timeout', ranMs: 900_000 });
    await tell(
      { ...one, status: 'pending', errorCode: 'error' },
      { ...one, status: 'cancelled', waitedMs: null, ranMs: null },
    );
    await app.get(JobCounters).settle();
    // As another process does it.
    await sql.query(
      `insert into job_minutes select minute, gen_random_uuid(), queue, type, outcome, error_code, jobs, waited, waited_ms, waited_max_ms, waited_buckets, ran, ran_ms, ran_max_ms, ran_buckets
         from job_minutes where outcome = 'failed'`,
    );
    await open(null);
    await open(null, { turn: null, run_at: new Date(Date.now() + 60_000) });
    await open(null, { status: 'queued', run_at: null, turn: null });
    const all = await stats('?all=true');
    expect(all).toMatchObject({
      counts: 'ended',
      complete: true,
      byStatus: { pending: 2, queued: 1, running: 0, completed: 3, failed: 2, cancelled: 1 },
      repeatedAttempts: 1,
      finishedPerMinute: 6 / 1440,
      failures: [{ code: 'timeout', jobs: 2 }],
      waiting: { jobs: 5, meanMs: 10, maxMs: 10 },
      running: { jobs: 6, maxMs: 900_000 },
      byType: [{ type: 'test-echo', byStatus: { completed: 3 } }],
    });
    expect(all.waiting.p50Ms).toBeCloseTo(10, 0);
    expect(all.running.p50Ms).toBeGreaterThan(90);
    expect(all.running.p50Ms).toBeLessThan(130);
    expect((await stats('?all=true&to=2026-01-01T00:00:00Z')).byStatus.completed).toBe(0);
  });

  it('do not count what was rolled back', async () => {
    const undone = app
      .get(Database)
      .system('test')
      .tx(async (tx) => {
        app.get(EndedJobs).tellAfter(tx, [one]);
        throw new Error('undone');
      });
    await expect(undone).rejects.toThrow('undone');
    await app.get(JobCounters).settle();
    expect((await sql.query('select from job_minutes')).rowCount).toBe(0);
  });

  it('keep what could not be written for the next time', async () => {
    await tell(one);
    await sql.query('alter table job_minutes rename to elsewhere');
    await app.get(JobCounters).settle();
    await tell(one);
    await sql.query('alter table elsewhere rename to job_minutes');
    await app.get(JobCounters).settle();
    expect((await stats('?all=true')).byStatus.completed).toBe(2);
  });

  it('count a job that is cancelled while it waits', async () => {
    const { body } = await app.call<{ id: string }>('POST', '/api/jobs', {
      body: { type: 'test-echo', payload: { text: 'x' }, scheduledFor: '2999-01-01T00:00:00Z' },
    });
    await app.call('POST', `/api/jobs/${body.id}/cancel`);
    await app.get(JobCounters).settle();
    expect((await stats('?all=true')).byStatus).toMatchObject({ cancelled: 1, pending: 0 });
  });

  it('stay the same when minutes become hours, and end after 90 days', async () => {
    await tell(
      one,
      { ...one, waitedMs: 5_000, ranMs: 1 },
      { ...one, status: 'failed', errorCode: 'x', ranMs: null },
    );
    await app.get(JobCounters).settle();
    await sql.query(`update job_minutes set minute = date_trunc('hour', minute) - interval '3 days'`);
    for (const minutes of [1, 2, 3])
      await sql.query(
        `insert into job_minutes select minute + make_interval(mins => $1), gen_random_uuid(), queue, type, outcome, error_code, jobs, waited, waited_ms, waited_max_ms,
                waited_buckets, ran, ran_ms, ran_max_ms, ran_buckets from job_minutes where minute = date_trunc('hour', minute)`,
        [minutes],
      );
    await sql.query(
      `insert into job_minutes select minute - interval '100 days', process_id, queue, type, outcome, error_code, jobs, waited, waited_ms, waited_max_ms,
              waited_buckets, ran, ran_ms, ran_max_ms, ran_buckets from job_minutes`,
    );
    await sql.query(
      `insert into job_depths values (now() - interval '91 days', 'default', 1, 1, 1, 1, null, 1)`,
    );
    const week = new Date(Date.now() - 7 * 86_400_000).toISOString();
    const before = await stats(`?all=true&from=${week}`);
    expect(before.byStatus).toMatchObject({ completed: 8, failed: 4 });
    await app.get(JobSeries).tidy();
    const after = await stats(`?all=true&from=${week}`);
    expect({ ...after, to: before.to, finishedPerMinute: 0 }).toEqual({ ...before, finishedPerMinute: 0 });
    const { rows } = await sql.query<{ rows: number }>(`select count(*)::integer as rows from job_minutes`);
    expect(rows).toEqual([{ rows: 2 }]);
    expect((await sql.query('select from job_depths')).rowCount).toBe(0);
    await app.get(JobSeries).tidy();
    expect((await stats(`?all=true&from=${week}`)).byStatus).toEqual(before.byStatus);
  });
});

describe('the depth of queues', () => {
  it('is written once a minute, and less often where counting takes long', async () => {
    await open(null);
    await open(null, { queue: 'files', limit_key: 'k', run_at: new Date(Date.now() - 60_000) });
    await open(null, { queue: 'files', turn: null });
    const sample = async () => {
      await app.get(JobSeries).sample();
      const { rows } = await sql.query<object>(
        `select queue, due::integer, later::integer, queued::integer, running::integer from job_depths order by minute, queue`,
      );
      return rows;
    };
    const first = [
      { queue: 'default', due: 1, later: 0, queued: 0, running: 0 },
      { queue: 'files', due: 1, later: 1, queued: 0, running: 0 },
    ];
    expect(await sample()).toEqual(first);
    await sql.query(
      `update job_depths set minute = minute - interval '1 minute', created_at = now() - interval '1 minute', took_ms = 1000`,
    );
    expect(await sample()).toEqual(first);
    await sql.query(`update job_depths set took_ms = 500`);
    expect(await sample()).toHaveLength(4);
  });

  it('stands in for a count that would take too long', async () => {
    await sql.query(
      `insert into jobs (id, type, queue, payload, run_at, turn) select gen_random_uuid(), 'test-echo', 'files', '{}', now(), 0 from generate_series(1, 10500)`,
    );
    const files = async (): Promise<QueueView> =>
      (await app.call<{ items: QueueView[] }>('GET', '/api/queues')).body.items.find(
        ({ name }) => name === 'files',
      )!;
    expect((await files()).depth).toMatchObject({ due: 10_001, exact: false });
    await app.get(JobSeries).sample();
    expect((await files()).depth).toMatchObject({ due: 10_500, exact: false });
    expect(await stats('?all=true')).toMatchObject({ complete: false, byStatus: { pending: 10_001 } });
  });
});

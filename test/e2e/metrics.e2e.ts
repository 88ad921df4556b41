import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Reconciler } from '../../src/modules/jobs/engine/reconciler.js';
import { Runs, TestJobsModule } from '../factories/jobs.js';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { until } from '../harness/until.js';

/** Every sample of a scrape by its name and labels. */
async function scrape(app: TestApp, token = app.adminToken): Promise<Map<string, number>> {
  const answer = await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const samples = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      expect(line).toMatch(/^[a-z_0-9]+(\{.*\})? -?([0-9.e+-]+|Nan)$/i);
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describeOnBothQueues('metrics', (redis) => {
  let app: TestApp;
  let sql: pg.Client;
  beforeAll(async () => {
    app = await TestApp.start({ redisUrl: redis, modules: [TestJobsModule] });
    sql = new pg.Client({ connectionString: app.settings.databaseUrl });
    await sql.connect();
  });
  afterAll(async () => {
    await sql.end();
    await app.stop();
  });

  const create = async (type: string, payload: object = {}, more: object = {}): Promise<string> => {
    const { status, body } = await app.call<{ id: string }>('POST', '/api/jobs', {
      body: { type, payload, ...more },
    });
    expect(status).toBe(202);
    return body.id;
  };
  const reach = (id: string, status: string) =>
    until(
      async () =>
        (await app.call<{ status: string }>('GET', `/api/jobs/${id}`)).body.status === status || null,
      { describe: `job to be ${status}` },
    );

  it('tell what became of jobs, how long they waited and how long they ran', async () => {
    const before = await scrape(app);
    expect(before.get('steward_jobs_attempts_total{type="test-echo",outcome="completed"}')).toBe(0);
    const done = await create('test-echo', { text: 'x' });
    const failed = await create('test-refused');
    const flaky = await create('test-flaky', { failures: 1 });
    await create('test-echo', { text: 'later' }, { scheduledFor: '2999-01-01T00:00:00Z' });
    await reach(done, 'completed');
    await reach(failed, 'failed');
    await reach(flaky, 'completed');
    const after = await scrape(app);
    const count = (metric: string, labels: string) => after.get(`${metric}{${labels}}`);
    expect(count('steward_jobs_attempts_total', 'type="test-echo",outcome="completed"')).toBe(1);
    expect(count('steward_jobs_attempts_total', 'type="test-refused",outcome="failed"')).toBe(1);
    expect(count('steward_jobs_attempts_total', 'type="test-flaky",outcome="retry"')).toBe(1);
    expect(count('steward_jobs_attempts_total', 'type="test-flaky",outcome="completed"')).toBe(1);
    // Two attempts, but only the first one waited for its turn.
    expect(count('steward_jobs_run_seconds_count', 'type="test-flaky"')).toBe(2);
    expect(count('steward_jobs_wait_seconds_count', 'type="test-flaky"')).toBe(1);
    const waited = count('steward_jobs_wait_seconds_sum', 'type="test-echo"') ?? -1;
    expect(waited).toBeGreaterThan(0);
    expect(waited).toBeLessThan(10);
    expect(count('steward_jobs_dispatch_lag_seconds_count', 'queue="default"')).toBeGreaterThanOrEqual(3);
    expect(after.get('steward_queue_store_up')).toBe(1);
    expect(after.get('steward_postgresql_up')).toBe(1);
    expect(Math.abs(after.get('steward_postgresql_clock_ahead_seconds') ?? 99)).toBeLessThan(2);
    expect(
      after.get('steward_http_request_duration_seconds_count{method="POST",route="/api/jobs",status="2xx"}'),
    ).toBe(4);
  });

  it('count an unknown type as other, whatever it is called', async () => {
    const id = await create('test-echo', { text: 'x' }, { scheduledFor: '2999-01-01T00:00:00Z' });
    await sql.query(`update jobs set type = $2, run_at = now() where id = $1`, [
      id,
      `made-up-${randomUUID()}`,
    ]);
    await reach(id, 'failed');
    const samples = await scrape(app);
    expect(samples.get('steward_jobs_attempts_total{type="other",outcome="failed"}')).toBe(1);
    expect([...samples.keys()].filter((key) => key.includes('made-up'))).toEqual([]);
  });

  it('count what the reconciler finds', async () => {
    const orphan = randomUUID();
    const owner = await app.user();
    await sql.query(
      `insert into jobs (id, user_id, type, queue, payload, status, worker_id, started_at, lease_epoch)
         values ($1, $2, 'test-echo', 'default', '{"text":"again"}', 'running', $3, clock_timestamp() + interval '1 ms', 1)`,
      [orphan, owner.id, randomUUID()],
    );
    app.get(Reconciler).tick();
    await reach(orphan, 'completed');
    expect((await scrape(app)).get('steward_jobs_finds_total{kind="rescued"}')).toBe(1);
  });

  it('show what waits and what runs, measured at most every five seconds', async () => {
    const runs = app.get(Runs);
    const id = await create('test-wait');
    await until(() => runs.count(id) === 1, { describe: 'the handler to begin' });
    const depth = (samples: Map<string, number>, state: string) =>
      samples.get(`steward_jobs_depth{queue="default",state="${state}"}`);
    const samples = await until(
      async () => {
        const now = await scrape(app);
        return depth(now, 'running') === 1 ? now : null;
      },
      { describe: 'the running job to be counted' },
    );
    expect([depth(samples, 'due'), depth(samples, 'later'), depth(samples, 'queued')]).toEqual([0, 1, 0]);
    expect(samples.get('steward_jobs_depth{queue="files",state="running"}')).toBe(0);
    expect(samples.get('steward_jobs_oldest_due_age_seconds{queue="default"}')).toBe(0);
    expect(samples.get('steward_jobs_workers')).toBe(1);
    runs.release(id);
    await reach(id, 'completed');
  });

  it('show the transaction that holds vacuum back', async () => {
    await sql.query('begin isolation level repeatable read');
    await sql.query('select count(*) from jobs');
    const began = performance.now();
    await until(
      async () => {
        const age = (await scrape(app)).get('steward_postgresql_oldest_transaction_age_seconds') ?? 0;
        // Others of the same moment are gone by then.
        return age > 3 && age < (performance.now() - began) / 1000 + 1 ? true : null;
      },
      { describe: 'the open transaction to be seen' },
    );
    await sql.query('rollback');
  });

  it('are those that the dashboard and the alerts ask for', async () => {
    const places = ['docker/grafana/dashboards/steward.json', 'docker/prometheus/alerts.yml'];
    const texts = await Promise.all(places.map((place) => readFile(place, 'utf8')));
    const known = new Set([...(await scrape(app)).keys()].map((key) => key.split('{', 1)[0]));
    for (const text of texts) {
      const wanted = [...new Set(text.match(/\b(steward|nodejs)_[a-z0-9_]+/g))];
      expect(wanted.length).toBeGreaterThan(7);
      expect(wanted.filter((metric) => !known.has(metric))).toEqual([]);
    }
  });

  it('are for admins and their keys with the scope, and for nobody else', async () => {
    const get = async (token: string | null) => {
      const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
      return (await fetch(`${app.url}/metrics`, { headers })).status;
    };
    const keyOf = async (scopes: string[]) =>
      (
        await app.call<{ key: string }>('POST', '/api/auth/api-keys', {
          body: { name: 'scraper', scopes },
        })
      ).body.key;
    expect(await get(null)).toBe(401);
    expect(await get('x')).toBe(401);
    expect(await get((await app.user('power_user')).token)).toBe(403);
    expect(await get(await keyOf(['jobs:read']))).toBe(403);
    expect(await get(await keyOf(['metrics:read']))).toBe(200);
  });

  it('name no route by what a client wrote', async () => {
    await fetch(`${app.url}/api/${randomUUID()}/${randomUUID()}`);
    await fetch(`${app.url}/api/jobs/${randomUUID()}`);
    const routes = [...(await scrape(app)).keys()].filter((key) =>
      key.startsWith('steward_http_request_duration_seconds_count'),
    );
    expect(routes.filter((key) => /[0-9a-f]{8}-/.test(key))).toEqual([]);
    expect(routes.some((key) => key.includes('route="none"'))).toBe(true);
    expect(routes.some((key) => key.includes('route="/api/jobs/:id"'))).toBe(true);
  });
});

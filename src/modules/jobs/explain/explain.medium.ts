import { Module } from '@nestjs/common';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { TestJobsModule } from '../../../../test/factories/jobs.js';
import { TestApp } from '../../../../test/harness/app.js';
import { HandlesJob, JobHandler, defineJob } from '../definition/define-job.js';
import type { ExplanationView } from './explain.schema.js';

const payload = z.strictObject({ text: z.string() });

@HandlesJob(
  defineJob({
    name: 'test-explain',
    summary: 'Has every limit.',
    payload,
    limits: {
      global: 3,
      perKey: { jobs: 1, key: ({ text }) => text },
      rate: { jobs: 5, perSeconds: 60 },
    },
  }),
)
class Limited extends JobHandler<z.output<typeof payload>> {
  async run(): Promise<null> {
    return null;
  }
}

@Module({ providers: [Limited] })
class LimitedModule {}

let app: TestApp;
let sql: Client;
let ann: { id: string; token: string };
beforeAll(async () => {
  app = await TestApp.start({
    modules: [TestJobsModule, LimitedModule],
    environment: { STEWARD_ROLE: 'api' },
  });
  sql = new Client({ connectionString: app.settings.databaseUrl });
  await sql.connect();
  ann = await app.user();
  await app.call('POST', '/api/queues/default/pause', {
    body: { note: 'tests', until: '2999-01-01T00:00:00Z' },
  });
});
afterAll(async () => {
  await sql.end();
  await app.stop();
});

const create = async (more: object = {}): Promise<string> => {
  const body = { type: 'test-echo', payload: { text: 'x' }, ...more };
  const answer = await app.call<{ id: string }>('POST', '/api/jobs', { body, token: ann.token });
  expect(answer.status).toBe(202);
  return answer.body.id;
};
const explain = async (id: string): Promise<ExplanationView> => {
  const { status, body } = await app.call<ExplanationView>('GET', `/api/jobs/${id}/explain`, {
    token: ann.token,
  });
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};

it('says all that holds a waiting job, and how many of anybody go before it', async () => {
  await app.call('POST', '/api/jobs', { body: { type: 'test-echo', payload: { text: 'x' }, priority: 1 } });
  const id = await create();
  await create({ priority: 9 });
  const told = await explain(id);
  expect(told).toMatchObject({ jobId: id, type: 'test-echo', queue: 'default', status: 'pending' });
  expect(told.reasons).toMatchObject([
    { code: 'paused', note: 'tests', until: '2999-01-01T00:00:00.000Z' },
    { code: 'no_worker', workers: 0 },
    { code: 'order', ahead: 1, aheadExact: true },
  ]);
  // Nothing of whoever has paused it, and nothing of the job before it.
  expect(Object.keys(told.reasons[0]!).toSorted()).toEqual(['code', 'detail', 'note', 'since', 'until']);
});

it('stops counting where it does not matter any more', async () => {
  const id = await create({ priority: 10 });
  await sql.query(
    `insert into jobs (id, type, queue, payload, run_at, turn) select gen_random_uuid(), 'test-echo', 'default', '{}', now(), 0 from generate_series(1, 1500)`,
  );
  expect((await explain(id)).reasons.at(-1)).toMatchObject({ code: 'order', ahead: 1000, aheadExact: false });
  await sql.query(`delete from jobs where user_id is null`);
});

it('names the limits that are full, with what is in flight, and no others', async () => {
  const id = await create({ type: 'test-explain', payload: { text: 'a' } });
  const { rows } = await sql.query<{ limit_key: string }>('select limit_key from jobs where id = $1', [id]);
  const key = rows[0]!.limit_key;
  const inFlight = (keys: readonly string[]): Promise<unknown> =>
    sql.query(
      `insert into jobs (id, type, queue, payload, status, limit_key) select gen_random_uuid(), 'test-explain', 'default', '{}', 'queued', k from unnest($1::text[]) as k`,
      [keys],
    );
  const held = async () =>
    (await explain(id)).reasons.filter(({ code }) => code === 'limit' || code === 'rate');
  expect(await held()).toEqual([]);
  await inFlight(['other ']);
  expect(await held()).toEqual([]);
  await inFlight([key]);
  expect(await held()).toMatchObject([{ code: 'limit', limit: 1, inFlight: 1 }]);
  await inFlight(['third ']);
  expect(await held()).toMatchObject([
    { code: 'limit', limit: 3, inFlight: 3 },
    { code: 'limit', limit: 1, inFlight: 1 },
  ]);
  await sql.query(`delete from jobs where user_id is null`);

  const started = Date.now() - 10_000;
  await sql.query(
    `insert into job_rates (type, key, started_at, started, expires_at) values ('test-explain', sha256(''), $1, $2, now() + interval '1 hour')`,
    [[started], [5]],
  );
  const [rate] = await held();
  expect(rate).toMatchObject({ code: 'rate', limit: 5 });
  expect(Math.abs(Date.parse(rate!.until!) - started - 60_000)).toBeLessThan(30_000);
  await sql.query('update job_rates set started = $1', [[4]]);
  expect(await held()).toEqual([]);
});

it('follows a job to its end', async () => {
  const id = await create({ scheduledFor: '2999-01-01T00:00:00Z' });
  const codes = async (): Promise<string[]> => (await explain(id)).reasons.map(({ code }) => code);
  expect(await codes()).toEqual(['delayed', 'paused', 'no_worker']);
  await sql.query(`update jobs set status = 'queued', run_at = null, dispatched_at = now() where id = $1`, [
    id,
  ]);
  expect(await codes()).toEqual(['no_worker', 'in_queue']);
  await sql.query(
    `update jobs set status = 'running', started_at = clock_timestamp(), lease_epoch = 1, worker_id = gen_random_uuid() where id = $1`,
    [id],
  );
  expect(await codes()).toEqual(['running']);
  await app.call('POST', `/api/jobs/${id}/cancel`, { token: ann.token });
  expect(await codes()).toEqual(['cancelling', 'running']);
  await sql.query(`update jobs set status = 'cancelled', cancelled_at = clock_timestamp() where id = $1`, [
    id,
  ]);
  expect(await codes()).toEqual(['ended']);
});

it('is for its owner and admins; for others there is no such job', async () => {
  const id = await create();
  const bob = await app.user('power_user');
  expect((await app.call('GET', `/api/jobs/${id}/explain`, { token: bob.token })).status).toBe(404);
  expect((await app.call('GET', `/api/jobs/${id}/explain`)).status).toBe(200);
  expect((await app.call('GET', `/api/jobs/${crypto.randomUUID()}/explain`)).status).toBe(404);
  expect((await app.call('GET', '/api/jobs/stats/explain')).status).toBe(400);
});

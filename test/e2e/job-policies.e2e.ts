import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobTypeView, JobView } from '../../src/modules/jobs/jobs.schema.js';
import { Gauge, LimitedJobsModule } from '../factories/limited-jobs.js';
import { TestApp, type Answer } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { JobWorld } from '../harness/job-world.js';
import { until } from '../harness/until.js';

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

describeOnBothQueues('policies of job types', (redis) => {
  let world: JobWorld;
  let app: TestApp;
  let sql: pg.Client;

  beforeAll(async () => {
    world = await JobWorld.start({ redisUrl: redis, modules: [LimitedJobsModule] });
    ({ app, sql } = world);
  });
  afterAll(async () => {
    await world.stop();
  });

  const post = <Body = JobView>(body: unknown, token?: string): Promise<Answer<Body>> =>
    world.post<Body>(body, token);
  const create = async (type: string, payload: object, more: object = {}): Promise<string> =>
    (await world.create(type, payload, more)).id;
  const get: JobWorld['get'] = (...request) => world.get(...request);
  const reach: JobWorld['reach'] = (...request) => world.reach(...request);
  const refusal = async (body: unknown): Promise<string> => {
    const answer = await post<Problem>(body);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    return [answer.status, answer.body.code, ...answer.body.errors.map(({ pointer }) => pointer)].join(' ');
  };

  it('runs ten jobs of a limit of two, two at a time', async () => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, () => create('test-keyed', { key: 'ten', ms: 300 })),
    );
    for (const id of ids) await reach(id, 'completed');
    expect(app.get(Gauge).mostOf('Keyed ten')).toBe(2);
  });

  it('starts the next one when a queued one of the limit is cancelled', async () => {
    const [first, second] = [
      await create('test-global', { key: 'x', ms: 60_000 }),
      await create('test-global', { key: 'x', ms: 60_000 }),
    ];
    const third = await create('test-global', { key: 'x', ms: 60_000 });
    await reach(third, 'running');
    const next = await create('test-global', { key: 'x' });
    expect(await get(next)).toMatchObject({ status: 'pending' });
    for (const id of [first, second, third]) await app.call('POST', `/api/jobs/${id}/cancel`);
    await reach(next, 'completed');
  });

  it('answers a repeated request for a unique job with the first one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        post({ type: 'test-until-finished', payload: { key: 'same', ms: 300 } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const [id] = new Set(answers.map(({ body }) => body.id));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers[7]?.headers.get('location')).toBe(`/api/jobs/${id}`);
    const user = await app.user();
    const theirs = await post({ type: 'test-until-finished', payload: { key: 'same' } }, user.token);
    expect(theirs.body.id).not.toBe(id);
    await reach(id!, 'completed');
    expect(await create('test-until-finished', { key: 'same' })).not.toBe(id);
  });

  it('does not retry by hand what another open job does already, and names that one', async () => {
    const later = { scheduledFor: '2999-01-01T00:00:00Z' };
    const first = await create('test-until-finished', { key: 'retried' }, later);
    await app.call('POST', `/api/jobs/${first}/cancel`);
    const second = await create('test-until-finished', { key: 'retried' }, later);
    const refused = await app.call<Problem>('POST', `/api/jobs/${first}/retry`);
    expect([refused.status, refused.body.code]).toEqual([409, 'job_not_unique']);
    expect(refused.body.detail).toContain(second);
    await app.call('POST', `/api/jobs/${second}/cancel`);
    expect((await app.call('POST', `/api/jobs/${first}/retry`)).status).toBe(200);
    await reach(first, 'completed');
  });

  it('does not run again what may not be when its worker died', async () => {
    const id = await create('test-not-again', { key: 'x' }, { scheduledFor: '2999-01-01T00:00:00Z' });
    await sql.query(
      `update jobs set status = 'running', run_at = null, worker_id = gen_random_uuid(), lease_epoch = 1, started_at = clock_timestamp() where id = $1`,
      [id],
    );
    expect(await reach(id, 'failed')).toMatchObject({ errorCode: 'interrupted', crashCount: 1 });
    expect(app.get(Gauge).runs).not.toContain(id);
  });

  it('cuts results and logs at the sizes of the type, visibly, and waits as usual after nonsense', async () => {
    const id = await create('test-small', { key: 'fine' });
    const done = await reach(id, 'completed');
    expect(done.result).toEqual({ truncated: true, reason: 'larger than 100 characters' });
    const lines = async (jobId: string): Promise<string[]> =>
      (await app.call<{ items: { message: string }[] }>('GET', `/api/jobs/${jobId}/logs`)).body.items.map(
        ({ message }) => message,
      );
    expect(await lines(id)).toEqual([
      'Further lines of this attempt are left out (more than 3).',
      'line 2',
      'line 1',
      'line 0',
    ]);
    const failing = await create('test-small', { key: 'fails' });
    const waiting = await until(
      async () => {
        const job = await get(failing);
        return job.status === 'pending' && job.retryCount === 1;
      },
      { describe: 'the job to wait for its second attempt' },
    );
    expect(waiting).toBe(true);
    const rows = await sql.query<{ wait: number }>(
      `select extract(epoch from run_at - updated_at)::double precision as wait from jobs where id = $1`,
      [failing],
    );
    expect(rows.rows[0]?.wait).toBeLessThanOrEqual(5);
  });

  it('shows the policies of each type', async () => {
    const { body } = await app.call<{ items: JobTypeView[] }>('GET', '/api/job-types');
    const of = (type: string): JobTypeView | undefined => body.items.find((one) => one.name === type);
    expect(of('test-keyed')).toMatchObject({
      concurrency: null,
      limits: { global: null, perKey: { jobs: 2, by: 'key' }, rate: null },
      unique: null,
      onCrash: 'again',
      sizes: { payload: 262_144, result: 65_536, logLines: 1_000 },
    });
    expect(of('test-rate-key')?.limits.rate).toEqual({ jobs: 2, perSeconds: 30, perKey: true, by: null });
    expect(of('test-until-started')?.unique).toEqual({ until: 'started', by: null });
    expect(of('test-places')?.concurrency).toBe(2);
    expect(of('test-small')?.backoff).toEqual({ kind: 'custom', describe: 'Nonsense.' });
    expect(of('copy')?.limits.perKey).toEqual({ jobs: 4, by: 'destination remote' });
    expect(of('copy')?.repeats).toContain('equal');
  });

  it('refuses payloads that are too large, naming them, also in templates of schedules', async () => {
    expect(await refusal({ type: 'test-small', payload: { key: 'x'.repeat(200) } })).toBe(
      '413 payload_too_large /payload',
    );
    const large = { key: 'x', more: 'я'.repeat(131_000) };
    await reach(await create('test-until-started', large), 'completed');
    expect(
      await refusal({ type: 'test-until-started', payload: { key: 'x', more: 'x'.repeat(262_144) } }),
    ).toBe('413 payload_too_large /payload');
    expect(
      await refusal({ type: 'test-until-started', payload: { key: 'x', more: 'x'.repeat(1_000_000) } }),
    ).toBe('413 payload_too_large /payload');
    expect(
      await refusal({ type: 'test-until-started', payload: { key: 'x', more: 'x'.repeat(1_100_000) } }),
    ).toBe('413 body_too_large');
    const schedule = await app.call<Problem>('POST', '/api/schedules', {
      body: {
        name: 'large',
        ruleType: 'interval',
        intervalSeconds: 3600,
        timezone: 'UTC',
        jobTemplate: { type: 'test-small', payload: { key: 'x'.repeat(200) } },
      },
    });
    expect([schedule.status, schedule.body.errors.map(({ pointer }) => pointer)]).toEqual([
      413,
      ['/jobTemplate/payload'],
    ]);
  });

  it('refuses nesting without end, naming where it is too deep', async () => {
    const nested = (levels: number): unknown => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level += 1) value = [value];
      return value;
    };
    await reach(await create('test-until-started', { key: 'deep', more: nested(28) }), 'completed');
    expect(
      await refusal({ type: 'test-until-started', payload: { key: 'deep', more: nested(200) } }),
    ).toMatch(/^400 validation_failed \/payload\/more\/0\/0/);
    const raw = await fetch(`${app.url}/api/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.adminToken}`, 'content-type': 'application/json' },
      body: `{"type":"test-until-started","payload":{"key":"deep","more":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    });
    expect(raw.status).toBe(400);
    expect(((await raw.json()) as Problem).errors[0]?.code).toBe('too_deep');
  });

  it('refuses what no text can hold, and brings to an end whatever stands in a row', async () => {
    expect(await refusal({ type: 'test-until-started', payload: { key: 'a\0b' } })).toBe(
      '400 validation_failed /payload/key',
    );
    expect(await refusal({ type: 'test-until-started', payload: { key: 'x', more: ['\ud800'] } })).toBe(
      '400 validation_failed /payload/more/0',
    );
    expect(
      await refusal({ type: 'test-until-started', payload: { key: 'x', more: { '\udfff': 1 } } }),
    ).toMatch(/^400 validation_failed \/payload\/more\//);
    const user = await app.user();
    const deep = `${'['.repeat(2_000)}${']'.repeat(2_000)}`;
    for (const payload of [
      String.raw`{"key": "a\\u0000b\\ud800"}`,
      `{"key": "k", "more": ${deep}}`,
      `[]`,
      `null`,
      `"text"`,
      `{"key": 5}`,
      `{"__proto__": {"key": "x"}, "key": "x"}`,
    ]) {
      const id = randomUUID();
      await sql.query(
        `insert into jobs (id, user_id, type, queue, payload, run_at, turn, limit_key) values ($1, $2, 'test-keyed', 'default', $3, now(), 0, $4)`,
        [id, user.id, payload, `odd ${payload.slice(0, 30)}`],
      );
      await until(async () => ['completed', 'failed'].includes((await get(id)).status), {
        describe: `the job with ${payload.slice(0, 30)} to end`,
      });
    }
  });

  it('takes times and numbers within their bounds, and no others', async () => {
    const payload = { key: 'times' };
    const type = 'test-until-started';
    await reach(await create(type, payload, { scheduledFor: '1970-01-01T00:00:00Z' }), 'completed');
    const far = await create(
      type,
      { key: 'far' },
      { scheduledFor: '9999-12-31T23:59:59.999Z', priority: 10 },
    );
    expect(await get(far)).toMatchObject({ status: 'pending', scheduledFor: '9999-12-31T23:59:59.999Z' });
    for (const scheduledFor of [
      '9999-12-31T23:59:59-14:00',
      '+010000-01-01T00:00:00Z',
      '294277-01-01T00:00:00Z',
      '-004713-01-01T00:00:00Z',
      '2026-02-30T00:00:00Z',
      '2027-01-01T00:00:00',
      '2027-01-01',
      '',
      'infinity',
      0,
    ])
      expect(await refusal({ type, payload, scheduledFor })).toBe('400 validation_failed /scheduledFor');
    for (const priority of [0, 11, 1.5, '5', -1, null])
      expect(await refusal({ type, payload, priority })).toBe('400 validation_failed /priority');
  });

  it.each(['1', '0', '42', 'a:b', `${randomUUID()}:1`, '%00', '%F0%9F%98%80', '..%2f..', 'x'.repeat(100)])(
    'has no job with the id %s, and says so',
    async (id) => {
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/logs'],
        ['POST', '/cancel'],
        ['POST', '/retry'],
      ] as const) {
        const { status } = await app.call(method, `/api/jobs/${id}${path}`);
        expect([400, 404]).toContain(status);
      }
    },
  );
});

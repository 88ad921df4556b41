import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Runs, TestJobsModule } from './factories/jobs.js';
import { TestApp } from './harness/app.js';
import { TestEventSource } from './harness/event-source.js';
import { until } from './harness/until.js';
import { Database } from '../src/kernel/database/index.js';
import { toAppError } from '../src/kernel/http/problem.js';
import { EventDelivery, SseRegistry } from '../src/kernel/realtime/index.js';
import { JobsService } from '../src/modules/jobs/index.js';
import { SlotMaterialiser } from '../src/modules/schedules/slot-materialiser.js';
import { AccountHooks } from '../src/modules/users/account-hooks.js';
import { ErasureSweeper } from '../src/modules/users/personal-data/erasure-sweeper.js';
import { ErasuresService } from '../src/modules/users/personal-data/erasures.service.js';

const PASSWORD = 'the password of somebody who leaves';

let app: TestApp;
let client: Client;
beforeAll(async () => {
  app = await TestApp.start({ modules: [TestJobsModule] });
  client = new Client({ connectionString: app.settings.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await app.stop();
});

interface Tokens {
  readonly user: { readonly id: string; readonly email: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}
interface Problem {
  readonly code: string;
}

const register = (email: string, more: object = {}) =>
  app.call<Tokens & Problem>('POST', '/api/auth/register', {
    token: null,
    body: { email, password: PASSWORD, ...more },
  });
const login = (identifier: string) =>
  app.call<Tokens & Problem>('POST', '/api/auth/login', {
    token: null,
    body: { identifier, password: PASSWORD },
  });
const refresh = (refreshToken: string) =>
  app.call<Problem>('POST', '/api/auth/refresh', { token: null, body: { refreshToken } });
const askFor = (token: string, type: string, payload: object) =>
  app.call<{ id: string } & Problem>('POST', '/api/jobs', { token, body: { type, payload } });
const schedule = (token: string, name: string) =>
  app.call<{ id: string } & Problem>('POST', '/api/schedules', {
    token,
    body: {
      name,
      ruleType: 'interval',
      intervalSeconds: 1,
      overlapPolicy: 'allow',
      jobTemplate: { type: 'test-echo', payload: { text: name } },
    },
  });
const eraseOwn = (token: string) => app.call<Problem>('DELETE', '/api/users/me', { token });
const eraseAs = (id: string, token = app.adminToken) =>
  app.call<Problem>('DELETE', `/api/users/${id}`, { token });

async function person(): Promise<Tokens> {
  const { status, body } = await register(`${crypto.randomUUID()}@example.org`);
  expect(status).toBe(201);
  return body;
}

const sql = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  (await client.query<Row>(text, values)).rows;

/** How many rows of each kind the person has. */
async function possessions(userId: string): Promise<Record<string, number>> {
  const [row] = await sql<Record<string, number>>(
    `select (select count(*)::int from sessions where user_id = $1) as sessions,
            (select count(*)::int from jobs where user_id = $1) as jobs,
            (select count(*)::int from schedule_rules where user_id = $1) as schedules,
            (select count(*)::int from notifications where user_id = $1) as notifications,
            (select count(*)::int from idempotency_keys where user_id = $1) as keys,
            (select count(*)::int from events where user_id = $1) as events`,
    [userId],
  );
  return row!;
}
const NOTHING = { sessions: 0, jobs: 0, schedules: 0, notifications: 0, keys: 0, events: 0 };

/** Waits until what was running or under way is gone too. */
async function nothingLeft(userId: string): Promise<void> {
  let left = {};
  await until(
    async () => {
      left = await possessions(userId);
      return JSON.stringify(left) === JSON.stringify(NOTHING);
    },
    { describe: () => `everything of the person to be gone: ${JSON.stringify(left)}` },
  ).catch(async (error: unknown) => {
    throw new Error(`${String(error)} ${JSON.stringify(await inTheWay(userId))}`);
  });
}

/** For the message of a failure: who has not done their part. */
async function inTheWay(userId: string): Promise<object> {
  return {
    jobs: await sql(
      `select id, type, status, lease_epoch, worker_id, cancel_requested_at, started_at, dispatched_at, updated_at, now() from jobs where user_id = $1`,
      [userId],
    ),
    erasure: await sql(`select * from erasures where user_id = $1`, [userId]),
    workers: await sql(`select id, beat_at from workers`),
    statements: await sql(
      `select state, wait_event_type, wait_event, xact_start, left(query, 200) as query from pg_stat_activity
        where datname = current_database() and state <> 'idle'`,
    ),
  };
}

const backdate = (userId: string, minutes: number) =>
  client.query(
    `update sessions set authenticated_at = now() - make_interval(mins => $2) where user_id = $1`,
    [userId, minutes],
  );

describe('erasing', () => {
  it('ends every session, frees e-mail and username, and names only the id in the audit trail', async () => {
    const identity = { username: `leaving${Date.now()}`, fullName: 'ประยุทธ์ 🙂' };
    const email = `leaving-${identity.username}@example.org`;
    const { body: before } = await register(email, identity);
    const { id } = before.user;
    const { body: second } = await login(identity.username);
    expect((await eraseOwn(second.accessToken)).status).toBe(204);

    for (const token of [before.accessToken, second.accessToken])
      expect(await app.call('GET', '/api/users/me', { token })).toMatchObject({
        status: 401,
        body: { code: 'session_ended' },
      });
    for (const { refreshToken } of [before, second]) expect((await refresh(refreshToken)).status).toBe(401);
    for (const identifier of [email, identity.username, `erased-${id}@invalid`, `erased:${id}`])
      expect(await login(identifier)).toMatchObject({ status: 401, body: { code: 'credentials_wrong' } });
    expect((await app.call('GET', `/api/users/${id}`)).status).toBe(404);
    expect((await app.call('PATCH', `/api/users/${id}`, { body: { isActive: true } })).status).toBe(404);
    const list = await app.call<{ items: { id: string }[] }>('GET', `/api/users?limit=100&q=${id}`);
    expect(list.body.items).toEqual([]);

    const again = await register(email, identity);
    expect(again.status).toBe(201);
    expect(again.body.user.id).not.toBe(id);
    expect(again.body.user).toMatchObject({ email, ...identity });
    expect(
      await sql(
        `select user_id, resource_id, details from audit_logs where action = 'user.erase' and user_id = $1`,
        [id],
      ),
    ).toEqual([{ user_id: id, resource_id: id, details: {} }]);
  });

  it('is refused for who has not logged in lately, and to all but admins for others', async () => {
    const [one, other] = [await person(), await person()];
    expect(await eraseAs(other.user.id, one.accessToken)).toMatchObject({
      status: 403,
      body: { code: 'role_required' },
    });
    await backdate(one.user.id, 11);
    expect(await eraseOwn(one.accessToken)).toMatchObject({ status: 403, body: { code: 'reauth_required' } });
    await backdate(one.user.id, 9);
    expect((await eraseOwn(one.accessToken)).status).toBe(204);
  });

  it('answers 404 for nobody, for a tombstone and for what is no id at all', async () => {
    const { user } = await person();
    expect((await eraseAs(user.id)).status).toBe(204);
    expect((await eraseAs(user.id)).status).toBe(404);
    expect((await eraseAs(crypto.randomUUID())).status).toBe(404);
    expect((await eraseAs('erased')).status).toBe(400);
  });

  it('never leaves the installation without an admin, also when two erase each other', async () => {
    const me = await app.call<{ id: string }>('GET', '/api/users/me');
    for (const path of ['/api/users/me', `/api/users/${me.body.id}`])
      expect(await app.call('DELETE', path)).toMatchObject({ status: 409, body: { code: 'last_admin' } });
    const second = await app.user('admin');
    const [one, two] = await Promise.all([
      eraseAs(second.id),
      app.call<Problem>('DELETE', '/api/users/me', { token: second.token }),
    ]);
    expect([one.status, two.status].filter((status) => status === 204)).toHaveLength(1);
    expect(Math.max(one.status, two.status)).toBeLessThan(500);
    const left = await sql(`select id from users where role = 'admin' and is_active and deleted_at is null`);
    expect(left).toEqual([{ id: me.body.id }]);
  });

  it('undoes all of it when one module cannot do its part', async () => {
    const { user, accessToken } = await person();
    await schedule(accessToken, 'stays');
    const before = await possessions(user.id);
    let failing = true;
    app.get(AccountHooks).register({
      module: 'test',
      erased: () => (failing ? Promise.reject(new Error('not now')) : Promise.resolve()),
    });
    expect((await eraseOwn(accessToken)).status).toBe(500);
    failing = false;
    expect(await possessions(user.id)).toMatchObject({ schedules: before['schedules'], sessions: 1 });
    expect((await app.call('GET', '/api/users/me', { token: accessToken })).status).toBe(200);
    expect((await eraseOwn(accessToken)).status).toBe(204);
    await nothingLeft(user.id);
  });
});

describe('what is running or under way', () => {
  it('a running job is stopped, and removed when it has ended', async () => {
    const { user, accessToken } = await person();
    const runs = app.get(Runs);
    const { body: job } = await askFor(accessToken, 'test-wait', {});
    await until(() => runs.count(job.id) === 1, { describe: 'the job to run' });
    const { body: echo } = await askFor(accessToken, 'test-echo', { text: 'a line of mine' });
    await until(async () => (await sql(`select from job_logs where job_id = $1`, [echo.id])).length > 0, {
      describe: 'a log line',
    });
    expect((await eraseOwn(accessToken)).status).toBe(204);
    await nothingLeft(user.id);
    expect(await sql(`select from job_logs where job_id = any($1)`, [[job.id, echo.id]])).toEqual([]);
  });

  it('a job whose worker dies is removed by whoever finds it, after a restart too', async () => {
    const { user, accessToken } = await person();
    const { body: job } = await askFor(accessToken, 'test-echo', { text: 'x' });
    await until(async () => (await possessions(user.id))['notifications'] === 1, { describe: 'its end' });
    // As a process leaves it that was killed in the middle: running, by a worker nobody has heard of.
    await client.query(
      `update jobs set status = 'running', completed_at = null, worker_id = gen_random_uuid() where id = $1`,
      [job.id],
    );
    expect((await eraseOwn(accessToken)).status).toBe(204);
    await nothingLeft(user.id);
  });

  it('event streams of the person end', async () => {
    const { accessToken } = await person();
    const stream = await TestEventSource.open(`${app.url}/api/events`, {
      authorization: `Bearer ${accessToken}`,
    });
    await eraseOwn(accessToken);
    await app.get(SseRegistry).beat();
    await until(() => stream.ended, { describe: 'the stream to end' });
  });

  it('an event of before that is delivered after makes no notification and stops no other', async () => {
    const [leaving, staying] = [await person(), await person()];
    expect((await eraseOwn(leaving.accessToken)).status).toBe(204);
    await nothingLeft(leaving.user.id);
    const event = (userId: string) => [
      userId,
      JSON.stringify({ type: 'copy', status: 'failed', scheduleId: null, error: 'x' }),
    ];
    const text = `insert into events (id, type, channel, user_id, subject_id, data) values (gen_random_uuid(), 'job.failed', 'jobs', $1, gen_random_uuid(), $2)`;
    await client.query('begin');
    await client.query(text, event(leaving.user.id));
    await client.query(text, event(staying.user.id));
    await client.query('commit');
    app.get(EventDelivery).trigger();
    await until(async () => (await possessions(staying.user.id))['notifications'] === 1, {
      describe: 'the notification',
    });
    expect(await possessions(leaving.user.id)).toMatchObject({ notifications: 0 });
  });

  it('what is made in a transaction that commits first is removed, and one that commits later is refused', async () => {
    const { user, accessToken } = await person();
    const rule = (await schedule(accessToken, 'held')).body.id;
    const maker = new Client({ connectionString: app.settings.databaseUrl });
    await maker.connect();
    const insert = () =>
      maker.query(
        `insert into jobs (id, user_id, type, queue, payload, run_at) values (gen_random_uuid(), $1, 'test-echo', 'default', '{"text":"late"}', now() + interval '1 day')`,
        [user.id],
      );
    // As the scheduler does it: the rule first, then what needs its owner. The erasure has them the other way round.
    await maker.query('begin');
    await maker.query(`select from schedule_rules where id = $1 for update`, [rule]);
    const erasing = eraseOwn(accessToken);
    await until(
      async () =>
        (
          await sql(
            `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
          )
        ).length > 0,
      { describe: 'the erasure to wait for the rule' },
    );
    await insert();
    await maker.query('commit');
    expect((await erasing).status).toBe(204);
    await expect(insert()).rejects.toMatchObject({ code: '23503', constraint: 'owner_erased' });
    await maker.end();
    await nothingLeft(user.id);
  });

  it('a request that was let in before and acts after is refused with 409', async () => {
    const { user, accessToken } = await person();
    await eraseOwn(accessToken);
    const actor = { type: 'user', userId: user.id, role: 'user', sessionId: crypto.randomUUID() } as const;
    const late = app
      .get(Database)
      .as(actor)
      .tx((tx) => app.get(JobsService).createIn(tx, actor, { type: 'test-echo', payload: { text: 'late' } }));
    const error = await late.catch((reason: unknown) => toAppError(reason));
    expect(error).toMatchObject({ status: 409, code: 'account_erased' });
    expect(await possessions(user.id)).toMatchObject({ jobs: 0 });
  });

  it('everything at the same moment: nobody sees a 500, and nothing of the person is left', async () => {
    for (let round = 0; round < 6; round++) {
      const { user, accessToken: token, refreshToken } = await person();
      await Promise.all([schedule(token, 'one'), schedule(token, 'two')]);
      await client.query(`update schedule_rules set next_run_at = now() where user_id = $1`, [user.id]);
      const answers = await Promise.all([
        ...Array.from({ length: 6 }, () => askFor(token, 'test-echo', { text: 'now' })),
        login(user.email),
        eraseOwn(token),
        eraseAs(user.id),
        refresh(refreshToken),
        register(user.email),
        schedule(token, 'three'),
        app.call<Problem>('PATCH', '/api/users/me', { token, body: { fullName: 'Nobody' } }),
        app
          .get(SlotMaterialiser)
          .batch()
          .then(() => ({ status: 200 })),
        ...Array.from({ length: 4 }, () => askFor(token, 'test-echo', { text: 'later' })),
        login(user.email),
        register(user.email),
      ]);
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status >= 500)).toEqual([]);
      expect(statuses.filter((status) => status === 204)).toHaveLength(1);
      await nothingLeft(user.id);
      expect(await sql(`select from users where id = $1 and deleted_at is null`, [user.id])).toEqual([]);
      // Whoever has the address now, if anybody has, is somebody else.
      const now = await login(user.email);
      expect(now.status === 200 ? now.body.user.id : null).not.toBe(user.id);
    }
  });

  it('two who erase the same person at once are both answered, and it happens once', async () => {
    const { user } = await person();
    const statuses = (await Promise.all([eraseAs(user.id), eraseAs(user.id), eraseAs(user.id)])).map(
      ({ status }) => status,
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([204, 404, 404]);
    const entries = await sql(`select from audit_logs where action = 'user.erase' and resource_id = $1`, [
      user.id,
    ]);
    expect(entries).toHaveLength(1);
  });
});

describe('aftercare', () => {
  const due = (userId: string) =>
    client.query(
      `update erasures set due_at = now(), created_at = now() - interval '61 seconds' where user_id = $1`,
      [userId],
    );

  it('ends when nothing is left after a minute, and takes what came late with it', async () => {
    const { user, accessToken } = await person();
    await eraseOwn(accessToken);
    await nothingLeft(user.id);
    const text = `insert into events (id, type, channel, user_id, data) values (gen_random_uuid(), 'late', 'jobs', $1, '{}')`;
    await client.query(text, [user.id]);
    await due(user.id);
    app.get(ErasureSweeper).wake();
    await until(async () => (await sql(`select from erasures where user_id = $1`, [user.id])).length === 0, {
      describe: 'the erasure to be closed',
    });
    expect(await possessions(user.id)).toEqual(NOTHING);
  });

  it('goes on for others when it fails for one', async () => {
    const [bad, good] = [await person(), await person()];
    let asked = 0;
    app.get(AccountHooks).register({
      module: 'test',
      swept: (_tx, userId) => {
        if (userId !== bad.user.id) return Promise.resolve(true);
        asked += 1;
        return Promise.reject(new Error('this one cannot be swept'));
      },
    });
    const erasures = app.get(ErasuresService);
    const system = { type: 'system', name: 'test' } as const;
    for (const { user } of [bad, good]) {
      await erasures.erase(system, user.id);
      await due(user.id);
    }
    await until(
      async () => (await sql(`select from erasures where user_id = $1`, [good.user.id])).length === 0,
      {
        describe: 'the other erasure to be closed',
      },
    );
    expect(asked).toBeGreaterThan(0);
    expect(await sql(`select from erasures where user_id = $1`, [bad.user.id])).toHaveLength(1);
  });
});

import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestJobsModule } from '../../../../test/factories/jobs.js';
import { TestApp } from '../../../../test/harness/app.js';
import { until } from '../../../../test/harness/until.js';
import type { QueueView } from './queues.schema.js';

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

interface AuditEntry {
  readonly action: string;
  readonly details: object;
}

let app: TestApp;
let sql: Client;
let other: Client;
beforeAll(async () => {
  // No workers: what is dispatched here, the test dispatches.
  app = await TestApp.start({ modules: [TestJobsModule], environment: { STEWARD_ROLE: 'api' } });
  sql = new Client({ connectionString: app.settings.databaseUrl });
  other = new Client({ connectionString: app.settings.databaseUrl });
  await Promise.all([sql.connect(), other.connect()]);
});
afterEach(async () => {
  await sql.query('delete from job_queues');
});
afterAll(async () => {
  await Promise.all([sql.end(), other.end()]);
  await app.stop();
});

const pause = (body: unknown, name = 'files') =>
  app.call<QueueView & Problem>('POST', `/api/queues/${name}/pause`, { body });
const resume = (name = 'files') => app.call<QueueView & Problem>('POST', `/api/queues/${name}/resume`);
const queue = async (name = 'files'): Promise<QueueView> => {
  const { body } = await app.call<{ items: QueueView[] }>('GET', '/api/queues');
  return body.items.find((one) => one.name === name)!;
};
const trail = async (): Promise<AuditEntry[]> =>
  (await app.call<{ items: AuditEntry[] }>('GET', '/api/audit-logs?resourceType=queue&limit=100')).body.items;

async function job(status: 'pending' | 'queued' | 'running', queueName = 'files'): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    `insert into jobs (id, type, queue, payload, status, run_at, turn, dispatch_no, dispatched_at, started_at)
     values (gen_random_uuid(), 'probe', $2, '{}', $1, case when $1 = 'pending' then now() end, case when $1 = 'pending' then 0 end,
             1, now(), case when $1 = 'running' then clock_timestamp() + interval '1 s' end) returning id`,
    [status, queueName],
  );
  return rows[0]!.id;
}
const statusOf = async (id: string): Promise<string> =>
  (await sql.query<{ status: string }>('select status from jobs where id = $1', [id])).rows[0]!.status;
const open = async (client: Client): Promise<boolean> =>
  (await client.query<{ open: boolean }>(`select queue_is_open('files') as open`)).rows[0]!.open;

describe('pausing a queue', () => {
  it('keeps who, when, why and until when, and says so in the trail', async () => {
    const end = new Date(Date.now() + 3_600_000).toISOString();
    const paused = await pause({ note: 'диск полон 😀', until: end });
    expect(paused.status).toBe(200);
    expect(paused.body).toMatchObject({ name: 'files', paused: { note: 'диск полон 😀', until: end } });
    expect((await queue()).paused).toEqual(paused.body.paused);
    expect((await queue('default')).paused).toBeNull();
    expect((await trail())[0]).toMatchObject({
      action: 'queue.pause',
      resourceId: 'files',
      userId: paused.body.paused?.by,
      details: { until: end },
    });

    const again = await pause({ note: 'still full' });
    expect(again.body.paused).toEqual({ ...paused.body.paused, note: 'still full', until: null });
    expect((await resume()).body.paused).toBeNull();
    const late = await resume();
    expect([late.status, late.body.code]).toEqual([409, 'queue_not_paused']);
    expect((await trail()).slice(0, 3).map(({ action }) => action)).toEqual([
      'queue.resume',
      'queue.pause',
      'queue.pause',
    ]);
  });

  it('takes back what was dispatched, of this queue alone, and leaves what runs', async () => {
    const [queued, running, elsewhere] = [
      await job('queued'),
      await job('running'),
      await job('queued', 'default'),
    ];
    await pause({ note: 'x' });
    expect([await statusOf(queued), await statusOf(running), await statusOf(elsewhere)]).toEqual([
      'pending',
      'running',
      'queued',
    ]);
    expect((await trail())[0]?.details).toEqual({ until: null, takenBack: 1 });
    await sql.query('delete from jobs');
  });

  it('waits for a dispatch that is under way, and takes its jobs back', async () => {
    const id = await job('pending');
    await other.query('begin');
    expect(await open(other)).toBe(true);
    await other.query(`update jobs set status = 'queued', run_at = null, turn = null where id = $1`, [id]);
    const paused = pause({ note: 'x' });
    await until(
      async () =>
        (
          await sql.query(
            `select from pg_locks where locktype = 'advisory' and objid = hashtext('files')::oid and not granted`,
          )
        ).rowCount === 1,
      { describe: 'the pause to wait' },
    );
    expect(await open(sql)).toBe(false);
    await other.query('commit');
    expect((await paused).status).toBe(200);
    expect(await statusOf(id)).toBe('pending');
    await sql.query('delete from jobs');
  });

  it('is seen by a statement that began before it', async () => {
    await sql.query('select pg_advisory_lock(1)');
    const late = other.query<{ open: boolean }>(
      `with gate as materialized (select pg_advisory_xact_lock(1))
       select case when (select count(*) from gate) = 1 then queue_is_open('files') end as open`,
    );
    await until(
      async () =>
        (await sql.query(`select from pg_locks where locktype = 'advisory' and objid = 1 and not granted`))
          .rowCount === 1,
      { describe: 'the statement to have begun' },
    );
    await pause({ note: 'x' });
    await sql.query('select pg_advisory_unlock(1)');
    expect((await late).rows).toEqual([{ open: false }]);
  });

  it('ends by itself on the clock of the database, before its row is cleared', async () => {
    await pause({ note: 'x', until: '2999-01-01T00:00:00+03:30' });
    expect((await queue()).paused?.until).toBe('2998-12-31T20:30:00.000Z');
    await sql.query(`update job_queues set paused_until = now()`);
    expect(await open(sql)).toBe(true);
    expect((await queue()).paused).toBeNull();
    expect((await resume()).status).toBe(409);
    const fresh = await pause({ note: 'y' });
    expect(Date.parse(fresh.body.paused!.at)).toBeGreaterThan(Date.now() - 60_000);
    expect(await open(sql)).toBe(false);
  });

  it('is done once by requests side by side', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => pause({ note: `${n}` })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const ends = await Promise.all(Array.from({ length: 8 }, () => resume()));
    expect(ends.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 7 }, () => 409),
    ]);
  });

  it.each([
    [{}, '/note'],
    [{ note: '' }, '/note'],
    [{ note: ' \u3000\n' }, '/note'],
    [{ note: 5 }, '/note'],
    [{ note: null }, '/note'],
    [{ note: 'ก'.repeat(1001) }, '/note'],
    [{ note: 'a\0b' }, '/note'],
    [{ note: 'a\ud800' }, '/note'],
    [{ note: 'x', until: '2020-01-01T00:00:00Z' }, '/until'],
    [{ note: 'x', until: '2999-01-01' }, '/until'],
    [{ note: 'x', until: '10000-01-01T00:00:00Z' }, '/until'],
    [{ note: 'x', until: 5 }, '/until'],
    [{ note: 'x', by: 'me' }, '/by'],
  ])('refuses %j', async (body, pointer) => {
    const answer = await pause(body);
    expect([answer.status, answer.body.errors.map((error) => error.pointer)]).toEqual([400, [pointer]]);
    expect((await queue()).paused).toBeNull();
  });

  it('takes the longest note', async () => {
    expect((await pause({ note: '😀'.repeat(1000) })).body.paused?.note).toBe('😀'.repeat(1000));
  });

  it.each(['nothing', 'FILES', '%F0%9F%98%80', 'constructor'])('knows no queue %s', async (name) => {
    expect((await pause({ note: 'x' }, name)).status).toBe(404);
    expect((await resume(name)).status).toBe(404);
  });

  it('is for admins', async () => {
    const { token } = await app.user('power_user');
    for (const [method, place] of [
      ['GET', '/api/queues'],
      ['GET', '/api/workers'],
      ['POST', '/api/queues/files/pause'],
      ['POST', '/api/queues/files/resume'],
    ] as const)
      expect((await app.call(method, place, { token })).status).toBe(403);
  });

  it('outlives whoever paused it, without their name and words', async () => {
    const admin = await app.user('admin');
    await app.call('POST', '/api/queues/files/pause', { token: admin.token, body: { note: 'mine' } });
    await app.call('DELETE', `/api/users/${admin.id}`);
    expect((await queue()).paused).toMatchObject({ by: null, note: null });
    expect(await open(sql)).toBe(false);
  });
});

describe('depths', () => {
  it('tell what is due, comes later, is queued and runs, for each queue', async () => {
    await pause({ note: 'so that nobody dispatches' });
    for (const status of ['pending', 'pending', 'queued', 'running'] as const) await job(status);
    await job('pending', 'default');
    await sql.query(
      `insert into jobs (id, type, queue, payload, run_at) values (gen_random_uuid(), 'probe', 'files', '{}', now() + interval '1 h')`,
    );
    await sql.query(
      `insert into jobs (id, type, queue, payload, run_at, turn, limit_key) values (gen_random_uuid(), 'probe', 'files', '{}', now() - interval '50 s', 0, 'k')`,
    );
    const files = await queue();
    expect(files.depth).toEqual({ due: 3, later: 1, queued: 1, running: 1, exact: true });
    expect(files.oldestWaitingSeconds).toBeGreaterThanOrEqual(50);
    expect(files.oldestWaitingSeconds).toBeLessThan(80);
    // It may be dispatched between the statements that count one and the other.
    const { oldestWaitingSeconds } = await until(
      async () => {
        const view = await queue('default');
        return view.depth.due + view.depth.queued === 1 ? view : null;
      },
      { describe: 'the other one to be due or queued' },
    );
    expect(oldestWaitingSeconds ?? 0).toBeLessThan(30);
    await sql.query('delete from jobs');
    expect(await queue()).toMatchObject({ oldestWaitingSeconds: null, workers: 0, slots: 0 });
  });
});

it('workers are shown with what they hold, and with their silence', async () => {
  await sql.query(
    `insert into workers (id, hostname, pid, queues, slots, beat_at)
     values (gen_random_uuid(), 'alive', 1, '{files,default}', 5, now()), (gen_random_uuid(), 'silent', 2, '{files}', 7, now() - interval '13 s')`,
  );
  const id = await job('running');
  await sql.query(`update jobs set worker_id = (select id from workers where pid = 1) where id = $1`, [id]);
  const { body } = await app.call<{ items: { hostname: string }[] }>('GET', '/api/workers');
  expect(body.items.toSorted((a, b) => a.hostname.localeCompare(b.hostname))).toMatchObject([
    { hostname: 'alive', pid: 1, queues: ['files', 'default'], slots: 5, running: 1, state: 'alive' },
    { hostname: 'silent', running: 0, state: 'silent' },
  ]);
  expect(await queue()).toMatchObject({ workers: 1, slots: 5 });
});

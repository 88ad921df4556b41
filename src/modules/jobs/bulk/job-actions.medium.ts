import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobsDesk, type Person, type ProblemBody } from '../../../../test/harness/jobs-desk.js';
import { until } from '../../../../test/harness/until.js';
import type { JobContext } from '../definition/define-job.js';
import type { JobView } from '../jobs.schema.js';
import { BulkJobAction } from './bulk-job-action.job.js';
import { jobActionPayload, type JobActionPayload, type JobActionView } from './job-action.schema.js';

let desk: JobsDesk;
/** Lives for ever, so that nobody takes its jobs back. */
const worker = randomUUID();
beforeAll(async () => {
  desk = await JobsDesk.start('all');
  await desk.sql(
    `insert into workers (id, hostname, pid, beat_at) values ($1, 'eternal', 1, now() + interval '1 hour')`,
    [worker],
  );
});
afterAll(() => desk.stop());

type Body = Record<string, unknown>;
const ask = (as: Person, body: Body, headers: Record<string, string> = {}) =>
  desk.call<JobActionView & ProblemBody>(as, 'POST', '/jobs/bulk-actions', body, headers);
/** Has it done, and answers what the job has to say. */
async function done(as: Person, body: Body): Promise<JobView> {
  const { status, body: answer } = await ask(as, body);
  expect(status, JSON.stringify(answer)).toBe(202);
  return until(
    async () => {
      const { body: job } = await desk.call<JobView>(as, 'GET', `/jobs/${answer.job?.id}`);
      return job.completedAt === null ? null : job;
    },
    { describe: 'the action to be done' },
  );
}
const statuses = async (ids: readonly string[]): Promise<string[]> => {
  const rows = await desk.sql<{ id: string; status: string }>(
    `select id, status from jobs where id = any($1)`,
    [ids],
  );
  return ids.map((id) => rows.find((row) => row.id === id)?.status ?? 'none');
};
const ENDED = { completed_at: '2026-11-01T00:00:02Z', created_at: '2026-11-01T00:00:00Z' };
const failed = (owner: Person, columns = {}) => desk.job(owner, 'failed', { ...ENDED, ...columns });
const running = (owner: Person, columns = {}) =>
  desk.job(owner, 'running', { worker_id: worker, lease_epoch: 1, ...columns });

describe('a dry run', () => {
  it('tells exactly how many and some of them, and does nothing', async () => {
    const ann = await desk.person();
    const meant = [await failed(ann), await failed(ann)];
    const ids = [...meant, await failed(ann, { type: 'power-probe' })];
    await desk.job(ann, 'completed');
    const body = { action: 'retry', filter: { type: 'probe' }, dryRun: true };
    const { status, body: answer } = await ask(ann, body);
    expect(status).toBe(200);
    expect(answer).toEqual({
      action: 'retry',
      dryRun: true,
      count: 2,
      sampleIds: meant.toSorted().toReversed(),
      job: null,
    });
    expect(await statuses(ids)).toEqual(['failed', 'failed', 'failed']);
    const rows = await desk.sql(`select 1 from jobs where user_id = $1 and type = 'bulk-job-action'`, [
      ann.id,
    ]);
    expect(rows).toEqual([]);
  });

  it('counts by every condition', async () => {
    const ann = await desk.person();
    const scheduleId = randomUUID();
    await failed(ann, { schedule_id: scheduleId });
    await failed(ann, { created_at: '2026-10-01T00:00:00Z' });
    await desk.job(ann, 'cancelled', { cancelled_at: ENDED.completed_at, created_at: ENDED.created_at });
    await desk.job(ann, 'pending');
    await desk.job(ann, 'queued');
    await running(ann);
    const count = async (action: string, filter: Body) =>
      (await ask(ann, { action, filter, everything: true, dryRun: true })).body.count;
    expect(await count('retry', {})).toBe(3);
    expect(await count('retry', { status: 'failed' })).toBe(2);
    expect(await count('retry', { status: 'cancelled' })).toBe(1);
    expect(await count('retry', { scheduleId })).toBe(1);
    expect(await count('retry', { createdBefore: '2026-10-15T00:00:00+03:30' })).toBe(1);
    expect(await count('retry', { createdAfter: '2026-10-15T00:00:00Z', status: 'failed' })).toBe(1);
    expect(await count('cancel', {})).toBe(3);
    expect(await count('cancel', { status: 'running' })).toBe(1);
    expect(await count('cancel', { type: 'سلام' })).toBe(0);
  });
});

describe('cancelling', () => {
  it('ends what waits with an event and a record each, and asks what runs to stop', async () => {
    const ann = await desk.person();
    const waiting = [await desk.job(ann, 'pending'), await desk.job(ann, 'queued')];
    const runs = await running(ann);
    const ended = [await failed(ann), await desk.job(ann, 'completed')];
    const job = await done(ann, { action: 'cancel', filter: { type: 'probe' } });
    expect(job).toMatchObject({
      status: 'completed',
      priority: 1,
      result: { matched: 3, changed: 3, skipped: 0 },
    });
    expect(await statuses([...waiting, runs, ...ended])).toEqual([
      'cancelled',
      'cancelled',
      'running',
      'failed',
      'completed',
    ]);
    const marked = await desk.sql(`select 1 from jobs where id = $1 and cancel_requested_at is not null`, [
      runs,
    ]);
    expect(marked).toHaveLength(1);
    const events = await desk.sql<{ subject_id: string }>(
      `select subject_id from events where user_id = $1 and type = 'job.cancelled'`,
      [ann.id],
    );
    expect(events.map(({ subject_id }) => subject_id).toSorted()).toEqual(waiting.toSorted());
    const records = await desk.sql<{ resource_id: string; details: object; actor_type: string }>(
      `select resource_id, details, actor_type from audit_logs where user_id = $1 and action = 'job.cancel'`,
      [ann.id],
    );
    expect(records.map(({ resource_id }) => resource_id).toSorted()).toEqual([...waiting, runs].toSorted());
    expect(records[0]).toMatchObject({ actor_type: 'job', details: { by: job.id } });
    expect(
      await desk.sql(`select details from audit_logs where resource_id = $1 and action = 'job.cancel-many'`, [
        job.id,
      ]),
    ).toEqual([{ details: { filter: { type: 'probe' }, count: 3 } }]);
  });

  it('leaves alone other actions, jobs of others and jobs made later', async () => {
    const ann = await desk.person();
    const bob = await desk.person();
    const others = [
      await desk.job(bob, 'pending'),
      await desk.job(ann, 'pending', { type: 'bulk-job-action' }),
      await desk.job(ann, 'pending', { created_at: '2998-01-01T00:00:00Z' }),
    ];
    const mine = await desk.job(ann, 'pending');
    const job = await done(ann, { action: 'cancel', filter: {}, everything: true });
    expect(job.result).toEqual({ matched: 1, changed: 1, skipped: 0 });
    expect(await statuses([mine, ...others])).toEqual(['cancelled', 'pending', 'pending', 'pending']);
  });

  it('is done by admins for one user, or for everybody and the system', async () => {
    const ann = await desk.person();
    const admin = await desk.person('admin');
    const type = 'of-everybody';
    const ids = [
      await desk.job(ann, 'pending', { type }),
      await desk.job(admin, 'pending', { type }),
      await desk.job(null, 'pending', { type }),
    ];
    expect((await done(admin, { action: 'cancel', filter: { userId: ann.id, type } })).result).toMatchObject({
      changed: 1,
    });
    expect(await statuses(ids)).toEqual(['cancelled', 'pending', 'pending']);
    expect((await done(admin, { action: 'cancel', filter: { all: true, type } })).result).toMatchObject({
      changed: 2,
    });
    expect(await statuses(ids)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });
});

describe('retrying', () => {
  it('makes failed and cancelled jobs wait again with fresh attempts', async () => {
    const ann = await desk.person();
    const ids = [
      await failed(ann, { retry_count: 3, crash_count: 1, progress: 40 }),
      await desk.job(ann, 'cancelled', { cancelled_at: ENDED.completed_at, created_at: ENDED.created_at }),
    ];
    const late = await desk.job(ann, 'failed', { completed_at: '2998-01-01T00:00:00Z' });
    expect((await done(ann, { action: 'retry', filter: { type: 'probe' } })).result).toEqual({
      matched: 2,
      changed: 2,
      skipped: 0,
    });
    expect(await statuses([...ids, late])).toEqual(['pending', 'pending', 'failed']);
    expect(
      await desk.sql(
        `select retry_count, crash_count, progress, error, completed_at from jobs where id = $1`,
        [ids[0]],
      ),
    ).toEqual([{ retry_count: 0, crash_count: 0, progress: 0, error: null, completed_at: null }]);
  });
});

describe('an attempt', () => {
  const payloadOf = (body: Body): JobActionPayload => jobActionPayload.parse(body);
  const contextOf = (
    owner: Person,
    jobId: string,
    leaseEpoch: number,
    signal: AbortSignal,
    onProgress = () => {},
  ) =>
    ({
      jobId,
      actor: { type: 'job', userId: owner.id, role: owner.role, jobId },
      retryCount: 0,
      signal,
      fence: { jobId, leaseEpoch },
      progress: onProgress,
      log: () => undefined,
    }) satisfies JobContext;
  const act = (owner: Person, jobId: string, epoch: number, signal?: AbortSignal, onProgress?: () => void) =>
    desk.app
      .get(BulkJobAction)
      .run(
        contextOf(owner, jobId, epoch, signal ?? new AbortController().signal, onProgress),
        payloadOf({ action: 'cancel', filter: { type: 'probe' } }),
      );
  const fill = (owner: Person, count: number) =>
    desk.sql(
      `insert into jobs (id, user_id, type, queue, payload, run_at, created_at)
       select uuidv7(), $1, 'probe', 'nobody-works-here', '{}', '2999-01-01', now() from generate_series(1, $2::integer)`,
      [owner.id, count],
    );
  const waiting = async (owner: Person) =>
    (await desk.sql(`select 1 from jobs where user_id = $1 and status = 'pending'`, [owner.id])).length;
  const own = (owner: Person) => running(owner, { type: 'bulk-job-action', lease_epoch: 2 });

  it('goes on after a crash where the one before it was, and counts everything once', async () => {
    const ann = await desk.person();
    await fill(ann, 1200);
    const id = await own(ann);
    const crash = new AbortController();
    await expect(act(ann, id, 2, crash.signal, () => crash.abort(new Error('crashed')))).rejects.toThrow(
      'crashed',
    );
    expect(await waiting(ann)).toBe(700);
    expect(await act(ann, id, 2)).toEqual({ matched: 1200, changed: 1200, skipped: 0 });
    expect(await act(ann, id, 2)).toEqual({ matched: 1200, changed: 1200, skipped: 0 });
    const [records] = await desk.sql<{ n: number }>(
      `select count(*)::integer n from audit_logs where user_id = $1 and action = 'job.cancel'`,
      [ann.id],
    );
    expect(records?.n).toBe(1200);
  });

  it('changes nothing once its lease is lost', async () => {
    const ann = await desk.person();
    await fill(ann, 3);
    await expect(act(ann, await own(ann), 1)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await waiting(ann)).toBe(3);
  });

  it('comes back for rows that others hold, and tells of those it could not have', async () => {
    const ann = await desk.person();
    await fill(ann, 2);
    const held = await desk.job(ann, 'pending');
    const id = await own(ann);
    let asked = 0;
    const others = await desk.holding(held);
    const free = act(ann, id, 2, undefined, () => {
      asked += 1;
    });
    await until(() => asked === 1, { describe: 'the first batch' });
    await others.release();
    expect(await free).toEqual({ matched: 3, changed: 3, skipped: 0 });

    const bob = await desk.person();
    const stuck = await desk.holding(await desk.job(bob, 'pending'));
    expect(await act(bob, await own(bob), 2)).toEqual({ matched: 1, changed: 0, skipped: 1 });
    await stuck.release();
  });

  it('has the rights its owner has by then', async () => {
    const admin = await desk.person('admin');
    const body = { action: 'cancel', filter: { all: true, type: 'nothing-of-it' } };
    const { body: answer } = await desk.call<JobView>(admin, 'POST', '/jobs', {
      type: 'bulk-job-action',
      payload: body,
      scheduledFor: '2999-01-01T00:00:00Z',
    });
    await desk.sql(`update users set role = 'user' where id = $1`, [admin.id]);
    await desk.sql(`update jobs set run_at = now() where id = $1`, [answer.id]);
    const job = await until(
      async () => {
        const { body: seen } = await desk.call<JobView>(
          { ...admin, role: 'user' },
          'GET',
          `/jobs/${answer.id}`,
        );
        return seen.completedAt === null ? null : seen;
      },
      { describe: 'the action to end' },
    );
    expect(job).toMatchObject({ status: 'failed', errorCode: 'forbidden' });
  });
});

it('is done once for one Idempotency-Key; another body is 422', async () => {
  const ann = await desk.person();
  const headers = { 'idempotency-key': randomUUID() };
  const body = { action: 'cancel', filter: { type: 'probe' } };
  const answers = await Promise.all([1, 2, 3].map(() => ask(ann, body, headers)));
  expect(new Set(answers.map((answer) => answer.body.job?.id)).size).toBe(1);
  expect(answers.map((answer) => answer.headers['location'])).toEqual(
    answers.map((answer) => `/api/jobs/${answer.body.job?.id}`),
  );
  const other = await ask(ann, { ...body, action: 'retry' }, headers);
  expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
});

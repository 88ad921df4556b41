import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling, type Answer, type Person } from '../../../test/harness/scheduling.js';
import { MINUTELY, NIGHTLY, SchedulesClient, wrong } from '../../../test/harness/schedules-client.js';

let scheduling: Scheduling;
let client: SchedulesClient;
let ann: Person;
let admin: Person;

beforeAll(async () => {
  scheduling = await Scheduling.start();
  ann = await scheduling.person();
  admin = await scheduling.person('admin');
  client = new SchedulesClient(scheduling, ann);
});
afterAll(async () => scheduling.stop());

const outcomes = (answer: Answer) => answer.body.items.map(({ outcome }) => outcome);

const actions = async (id: string): Promise<string[]> =>
  (
    await scheduling.sql<{ action: string }>(
      `select action from audit_logs where resource_id = $1 order by id`,
      [id],
    )
  ).map(({ action }) => action);

describe('pausing', () => {
  it('plans nothing until resumed, and catches up on nothing', async () => {
    const id = await client.created();
    const paused = await client.post(`/${id}/pause`, { note: 'works' });
    expect(paused).toMatchObject({
      status: 200,
      body: { isActive: false, pausedNote: 'works', pausedUntil: null, nextRunAt: null },
    });
    await scheduling.sql(`update schedule_rules set anchor_at = anchor_at - interval '1 day' where id = $1`, [
      id,
    ]);
    await scheduling.tick();
    const resumed = await client.post(`/${id}/resume`);
    expect(resumed.body).toMatchObject({ isActive: true, pausedNote: null });
    await scheduling.tick();
    expect(await scheduling.slots(id)).toEqual([]);
    expect(await actions(id)).toEqual(['schedule.create', 'schedule.pause', 'schedule.resume']);
    expect(await client.post(`/${id}/resume`)).toMatchObject({ status: 200, headers: { etag: '"3"' } });
  });

  it('takes no body, and an end in the future', async () => {
    const id = await client.created();
    expect((await client.post(`/${id}/pause`)).status).toBe(200);
    const until = '2099-01-01T00:00:00.000Z';
    const { body } = await client.post(`/${id}/pause`, { until });
    expect(body.pausedUntil).toBe(until);
    expect(Date.parse(body.nextRunAt ?? '')).toBeGreaterThanOrEqual(Date.parse(until));
    expect(wrong(await client.post(`/${id}/pause`, { until: '2020-01-01T00:00:00Z' }))).toEqual({
      status: 400,
      errors: [['/until', 'in_the_past']],
    });
  });

  it('is also a change of isActive', async () => {
    const id = await client.created();
    expect((await client.patch(id, { isActive: false })).body).toMatchObject({
      isActive: false,
      nextRunAt: null,
    });
    expect((await client.patch(id, { isActive: true })).body.nextRunAt).toEqual(expect.any(String));
  });
});

describe('running by hand', () => {
  it('makes a slot and a job, also while paused, and respects the overlap policy', async () => {
    const id = await client.created({ ...MINUTELY, isActive: false });
    const first = await client.as(admin).post(`/${id}/run`, undefined);
    expect(first).toMatchObject({
      status: 202,
      headers: { location: `/api/jobs/${first.body.jobId}` },
      body: { outcome: 'fired', cause: 'manual' },
    });
    expect(await scheduling.jobs(id)).toMatchObject([{ id: first.body.jobId, user_id: ann.id }]);
    expect(await client.post(`/${id}/run`)).toMatchObject({
      status: 409,
      body: { code: 'schedule_overlap' },
    });
    await scheduling.endJobs(id);
    expect((await client.post(`/${id}/run`)).status).toBe(202);
    expect((await client.get(`/${id}`)).body).toMatchObject({ runCount: 0, lastRunAt: expect.any(String) });
    expect((await actions(id)).filter((action) => action === 'schedule.run')).toHaveLength(2);
  });

  it('waits for the job before it where the policy says so, or cancels it', async () => {
    const id = await client.created({ ...MINUTELY, overlapPolicy: 'queue_one' });
    expect((await client.post(`/${id}/run`)).status).toBe(202);
    const second = await client.post(`/${id}/run`);
    expect(second).toMatchObject({
      status: 202,
      body: { outcome: 'waiting', reason: 'previous_job', jobId: null, lagMs: null },
    });
    expect(second.headers['location']).toBeUndefined();
    expect((await client.post(`/${id}/run`)).body.code).toBe('schedule_overlap');
    await scheduling.finishJobs(id);
    await scheduling.tick();
    expect(await scheduling.outcomes(id)).toEqual(['fired', 'fired']);
    expect((await client.get(`/${id}`)).body).toMatchObject({ runCount: 0 });
    expect((await client.patch(id, { overlapPolicy: 'cancel_previous' })).status).toBe(200);
    expect((await client.post(`/${id}/run`)).body).toMatchObject({ outcome: 'fired' });
    const statuses = (await scheduling.jobs(id)).map(({ status }) => status);
    expect(statuses.slice(0, 2)).toEqual(['completed', 'cancelled']);
    expect(statuses.slice(2)).toHaveLength(1);
    await scheduling.runJobs(id);
    expect((await client.post(`/${id}/run`)).body).toMatchObject({ outcome: 'waiting' });
  });

  it('is possible on a day that the schedule leaves out', async () => {
    const [day] = await scheduling.sql<{ day: string }>(
      `select (now() at time zone 'UTC')::date::text as day`,
    );
    const id = await client.created({ ...MINUTELY, exclusions: { dates: [day!.day] } });
    expect((await client.post(`/${id}/run`)).body).toMatchObject({ outcome: 'fired', cause: 'manual' });
  });

  it('runs once however often a request is repeated, and as often as asked otherwise', async () => {
    const id = await client.created({ ...MINUTELY, overlapPolicy: 'allow' });
    const key = { 'idempotency-key': 'run-one' };
    const answers = await Promise.all([1, 2, 3].map(() => client.post(`/${id}/run`, undefined, key)));
    expect(new Set(answers.map(({ body }) => body.jobId)).size).toBe(1);
    await Promise.all(Array.from({ length: 5 }, () => client.post(`/${id}/run`)));
    expect(await scheduling.jobs(id)).toHaveLength(6);
    expect(await scheduling.slots(id)).toHaveLength(6);
  });

  it('does nothing in the name of somebody who is deactivated', async () => {
    const dora = await scheduling.person();
    const { body } = await client.as(dora).post('', MINUTELY);
    await scheduling.sql('update users set is_active = false where id = $1', [dora.id]);
    expect(await client.as(admin).post(`/${body.id}/run`, undefined)).toMatchObject({
      status: 409,
      body: { code: 'owner_inactive' },
    });
  });
});

describe('the preview', () => {
  it('says what clocks do', async () => {
    const { status, body } = await client.post('/preview', {
      ruleType: 'cron',
      cronExpression: '30 2 * * *',
      timezone: 'America/New_York',
      from: '2026-03-07T00:00:00Z',
      count: 3,
    });
    expect(status).toBe(200);
    expect(body.items).toEqual([
      { at: '2026-03-07T07:30:00.000Z', local: '2026-03-07T02:30:00-05:00' },
      { at: '2026-03-08T07:00:00.000Z', local: '2026-03-08T03:00:00-04:00', note: 'gap_shifted' },
      { at: '2026-03-09T06:30:00.000Z', local: '2026-03-09T02:30:00-04:00' },
    ]);
  });

  it('refuses what cannot be saved either', async () => {
    expect(
      wrong(await client.post('/preview', { ruleType: 'cron', cronExpression: '0 0 30 2 *' })).errors,
    ).toEqual([['/cronExpression', 'impossible_cron']]);
    expect(
      wrong(await client.post('/preview', { ruleType: 'cron', cronExpression: '* * * * *', count: 1001 }))
        .errors,
    ).toEqual([['/count', 'too_big']]);
  });

  it('is what fires, jitter included', async () => {
    const id = await client.created({
      ...NIGHTLY,
      cronExpression: '*/7 * * * *',
      jitterSeconds: 200,
      missedPolicy: 'run_all',
      overlapPolicy: 'allow',
      timezone: 'Asia/Kathmandu',
    });
    const [start] = await scheduling.sql<{ at: Date }>(
      `update schedule_rules set next_run_at = date_trunc('minute', now() - interval '30 hours') where id = $1
       returning next_run_at as at`,
      [id],
    );
    const preview = await client.get(`/${id}/preview?count=500&from=${start!.at.toISOString()}`);
    await scheduling.tick();
    const fired = (await scheduling.slots(id)).map((slot) => slot.scheduled_for.toISOString());
    expect(fired.length).toBeGreaterThan(250);
    const shown = preview.body.items.map(({ at }) => at);
    expect(shown.slice(0, fired.length)).toEqual(fired);
    expect((await client.get(`/${id}`)).body.nextRunAt).toBe(shown[fired.length]);
  });

  it('shows no more than the runs that are left', async () => {
    const id = await client.created({ ...MINUTELY, maxRuns: 2 });
    expect((await client.get(`/${id}/preview?count=5`)).body.items).toHaveLength(2);
    expect((await client.get(`/${id}/preview?count=0`)).status).toBe(400);
  });
});

describe('the ledger', () => {
  it('is answered newest first, by page and outcome', async () => {
    const id = await client.created();
    await scheduling.since(id, 3 * 60 + 50);
    await scheduling.tick();
    const page = await client.get(`/${id}/slots?limit=1`);
    expect(outcomes(page)).toEqual(['skipped_overlap']);
    expect(outcomes(await client.get(`/${id}/slots?cursor=${page.body.nextCursor}`))).toEqual([
      'fired',
      'skipped_missed',
      'skipped_missed',
    ]);
    const fired = await client.get(`/${id}/slots?outcome=fired`);
    expect(fired.body.items).toMatchObject([{ cause: 'catch_up', jobId: expect.any(String), reason: null }]);
    // Fired one interval and a half after its instant.
    expect(Number(fired.body.items[0]!['lagMs'])).toBeGreaterThanOrEqual(109_000);
    const [missed] = page.body.items;
    const at = missed!['scheduledFor']!;
    expect((await client.get(`/${id}/slots?from=${at}&to=${at}`)).body.items).toEqual([missed]);
    expect(outcomes(await client.get(`/${id}/slots?to=2020-01-01T00:00:00Z`))).toEqual([]);
    expect(outcomes(await client.get(`/${id}/slots?cause=catch_up`))).toEqual(['fired']);
    expect((await client.get(`/${id}/slots?cause=manual`)).body.items).toEqual([]);
    for (const search of ['outcome=lost', 'cause=whim', 'from=yesterday', 'limit=0'])
      expect((await client.get(`/${id}/slots?${search}`)).status).toBe(400);
  });
});

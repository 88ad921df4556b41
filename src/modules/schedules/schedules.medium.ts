import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling, type Answer, type Person } from '../../../test/harness/scheduling.js';
import { MINUTELY, NIGHTLY, SchedulesClient, wrong } from '../../../test/harness/schedules-client.js';

let scheduling: Scheduling;
let client: SchedulesClient;
let ann: Person;
let bob: Person;
let admin: Person;

beforeAll(async () => {
  scheduling = await Scheduling.start();
  ann = await scheduling.person();
  bob = await scheduling.person();
  admin = await scheduling.person('admin');
  client = new SchedulesClient(scheduling, ann);
});
afterAll(async () => scheduling.stop());

const jobTemplate = MINUTELY.jobTemplate;

const idsOf = (answer: Answer) => answer.body.items.map(({ id }) => id);

const actions = async (id: string): Promise<string[]> =>
  (
    await scheduling.sql<{ action: string }>(
      `select action from audit_logs where resource_id = $1 order by id`,
      [id],
    )
  ).map(({ action }) => action);

describe('creating', () => {
  it('answers the whole schedule with defaults, its tag and its place', async () => {
    const { status, body, headers } = await client.post('', { ...MINUTELY, name: '  every minute ' });
    expect(status).toBe(201);
    expect(headers).toMatchObject({ etag: '"1"', location: `/api/schedules/${body.id}` });
    expect(body).toEqual({
      id: expect.any(String),
      userId: ann.id,
      name: 'every minute',
      description: null,
      ruleType: 'interval',
      cronExpression: null,
      intervalSeconds: 60,
      runAt: null,
      timezone: 'UTC',
      jobTemplate,
      overlapPolicy: 'skip',
      missedPolicy: 'run_once',
      missedMax: 1000,
      missedSpacingSeconds: 0,
      exclusions: { dates: [], weekdays: [], calendarIds: [] },
      dstPolicy: { gap: 'run_after', overlap: 'first' },
      jitterSeconds: 0,
      startsAt: null,
      endsAt: null,
      maxRuns: null,
      runCount: 0,
      pauseAfterFailures: null,
      failureStreak: 0,
      isActive: true,
      pausedNote: null,
      pausedUntil: null,
      pausedBy: null,
      lastRunAt: null,
      nextRunAt: expect.stringMatching(/\.000Z$/),
      overdueSeconds: 0,
      systemKey: null,
      lastError: null,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect(await client.get(`/${body.id}`)).toMatchObject({ status: 200, body, headers: { etag: '"1"' } });
    expect(await actions(body.id)).toEqual(['schedule.create']);
  });

  it('begins an interval at startsAt, which is the first run', async () => {
    const startsAt = '2099-05-01T12:00:00.000Z';
    const { body } = await client.post('', { ...MINUTELY, startsAt });
    expect(body).toMatchObject({ startsAt, nextRunAt: startsAt });
  });

  it('keeps the normal form of expression and zone', async () => {
    const { body } = await client.post('', {
      ...NIGHTLY,
      cronExpression: ' 0  2 * * * ',
      timezone: 'america/new_york',
    });
    expect(body).toMatchObject({ cronExpression: '0 2 * * *', timezone: 'America/New_York' });
  });

  it('takes the time zone of its owner for one that says none, and keeps it', async () => {
    const dora = await scheduling.person();
    await scheduling.sql(
      `insert into user_preferences (id, user_id, timezone) values (gen_random_uuid(), $1, 'Asia/Tehran')`,
      [dora.id],
    );
    const { body } = await client.as(dora).post('', NIGHTLY);
    expect(body).toMatchObject({ timezone: 'Asia/Tehran', nextRunAt: expect.stringMatching(/T22:30:00/) });
    await scheduling.sql(`update user_preferences set timezone = 'UTC' where user_id = $1`, [dora.id]);
    expect((await client.as(dora).patch(body.id, { name: 'same' })).body).toMatchObject({
      timezone: 'Asia/Tehran',
    });
    const preview = { ruleType: 'cron', cronExpression: '0 2 * * *', count: 1 };
    expect((await client.as(dora).post('/preview', preview)).body.items[0]!['local']).toMatch(/\+00:00$/);
    expect((await client.as(dora).post('', { ...NIGHTLY, timezone: 'UTC' })).body).toMatchObject({
      timezone: 'UTC',
    });
  });

  it('makes one schedule of a request that is repeated with its key', async () => {
    const key = { 'idempotency-key': 'schedule-one' };
    const first = await client.post('', MINUTELY, key);
    const second = await client.post('', MINUTELY, key);
    expect(second.body).toEqual(first.body);
    expect(second.headers).toMatchObject({ 'idempotency-replayed': 'true', etag: '"1"' });
    expect((await client.post('', NIGHTLY, key)).status).toBe(422);
  });

  it.each([
    [{ ...NIGHTLY, cronExpression: '0 0 31 2 *' }, [['/cronExpression', 'impossible_cron']]],
    [{ ...NIGHTLY, cronExpression: '0 2 * * * * *' }, [['/cronExpression', 'invalid_cron']]],
    [{ ...NIGHTLY, cronExpression: undefined }, [['/cronExpression', 'required']]],
    [{ ...NIGHTLY, intervalSeconds: 5 }, [['/intervalSeconds', 'not_applicable']]],
    [{ ...NIGHTLY, timezone: 'Europe/Berln' }, [['/timezone', 'unknown_timezone']]],
    [{ ...MINUTELY, intervalSeconds: 0 }, [['/intervalSeconds', 'too_small']]],
    [{ ...MINUTELY, intervalSeconds: -5 }, [['/intervalSeconds', 'too_small']]],
    [{ ...MINUTELY, intervalSeconds: 1.5 }, [['/intervalSeconds', 'invalid_type']]],
    [{ ...MINUTELY, intervalSeconds: 2 ** 31 }, [['/intervalSeconds', 'too_big']]],
    [{ ...NIGHTLY, cronExpression: '0 0 25 * * *' }, [['/cronExpression', 'invalid_cron']]],
    [{ ...NIGHTLY, cronExpression: '0 2 * * *\u0000' }, [['/cronExpression', 'nul_character']]],
    [{ ...NIGHTLY, timezone: '' }, [['/timezone', 'too_small']]],
    [{ ...NIGHTLY, timezone: '+05:30' }, [['/timezone', 'unknown_timezone']]],
    [{ ...MINUTELY, overlapPolicy: 'buffer_all' }, [['/overlapPolicy', 'invalid_value']]],
    [{ ...MINUTELY, missedMax: 0 }, [['/missedMax', 'too_small']]],
    [{ ...MINUTELY, missedMax: 1001 }, [['/missedMax', 'too_big']]],
    [{ ...MINUTELY, missedSpacingSeconds: -1 }, [['/missedSpacingSeconds', 'too_small']]],
    [{ ...MINUTELY, missedSpacingSeconds: 86_401 }, [['/missedSpacingSeconds', 'too_big']]],
    [{ ...MINUTELY, jitterSeconds: 86_401 }, [['/jitterSeconds', 'too_big']]],
    [{ ...MINUTELY, maxRuns: 0 }, [['/maxRuns', 'too_small']]],
    [{ ...MINUTELY, ruleType: 'once', intervalSeconds: undefined, runAt: null }, [['/runAt', 'required']]],
    [{ ...MINUTELY, runAt: '2099-01-01T00:00:00Z' }, [['/runAt', 'not_applicable']]],
    [{ ...NIGHTLY, endsAt: '2020-01-01T00:00:00Z' }, [['/endsAt', 'in_the_past']]],
    [{ ...MINUTELY, ruleType: 'once', intervalSeconds: undefined }, [['/runAt', 'required']]],
    [
      { ...MINUTELY, ruleType: 'once', intervalSeconds: undefined, runAt: '2020-01-01T00:00:00Z' },
      [['/runAt', 'in_the_past']],
    ],
    [{ ...MINUTELY, ruleType: 'sometimes' }, [['/ruleType', 'invalid_value']]],
    [
      { ...MINUTELY, startsAt: '2099-02-01T00:00:00Z', endsAt: '2099-01-01T00:00:00Z' },
      [['/endsAt', 'end_before_start']],
    ],
    [{ ...MINUTELY, dstPolicy: { gap: 'jump' } }, [['/dstPolicy/gap', 'invalid_value']]],
    [{ ...MINUTELY, description: 'x'.repeat(65_536) }, [['/description', 'too_big']]],
    [{ ...MINUTELY, name: '   ' }, [['/name', 'too_small']]],
    [{ ...MINUTELY, colour: 'red' }, [['/colour', 'unknown_field']]],
    [
      { ...MINUTELY, jobTemplate: { type: 'nothing', payload: {} } },
      [['/jobTemplate/type', 'job_type_unknown']],
    ],
    [
      { ...MINUTELY, jobTemplate: { type: 'probe', payload: { label: 7 } } },
      [['/jobTemplate/payload/label', 'invalid_type']],
    ],
    [
      { ...MINUTELY, jobTemplate: { ...jobTemplate, userId: 'somebody' } },
      [['/jobTemplate/userId', 'unknown_field']],
    ],
  ])('refuses %j', async (body, errors) => {
    expect(wrong(await client.post('', body))).toEqual({ status: 400, errors });
  });

  it.each([
    [{ timezone: 'Europe/Berln' }, 'Europe/Berlin'],
    [{ timezone: 'Tehran' }, 'Asia/Tehran'],
    [{ cronExpression: '0 0 31 2 *' }, '0 0 L 2 *'],
    [{ cronExpression: '0 0 25 * * *' }, '0 0 23 * * *'],
    [{ cronExpression: '@dayly' }, '@daily'],
    [{ exclusions: { dates: ['2026-02-30'] } }, '2026-02-28'],
  ])('suggests for %j what was probably meant', async (more, suggestion) => {
    const { body } = await client.post('', { ...NIGHTLY, ...more });
    expect(body.detail).toContain(`did you mean "${suggestion}"?`);
  });

  it('refuses a template that the owner may not run, now or later', async () => {
    const power = { ...MINUTELY, jobTemplate: { type: 'power-probe', payload: { label: 'x' } } };
    expect((await client.post('', power)).status).toBe(403);
    const id = await client.created();
    expect((await client.as(admin).patch(id, { jobTemplate: power.jobTemplate })).status).toBe(403);
  });
});

describe('who may see it', () => {
  it('is the owner and admins; for others it does not exist', async () => {
    const id = await client.created();
    const attempts = [
      client.as(bob).get(`/${id}`),
      client.as(bob).get(`/${id}/slots`),
      client.as(bob).get(`/${id}/preview`),
      client.as(bob).patch(id, { name: 'mine' }),
      client.as(bob).remove(id),
      client.as(bob).post(`/${id}/run`, undefined),
      client.as(bob).post(`/${id}/pause`, {}),
      client.as(bob).post(`/${id}/resume`, undefined),
    ];
    for (const answer of await Promise.all(attempts)) expect(answer.status).toBe(404);
    expect((await client.as(admin).get(`/${id}`)).status).toBe(200);
    expect((await scheduling.call('GET', `/schedules/${id}`)).status).toBe(401);
  });

  it('lists own ones by page, and those of others only for admins', async () => {
    const carl = await scheduling.person();
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1)
      ids.push((await client.as(carl).post('', { ...MINUTELY, isActive: index !== 1 })).body.id);
    const page = await client.as(carl).get('?limit=2');
    expect(idsOf(page)).toEqual([ids[2], ids[1]]);
    expect(idsOf(await client.as(carl).get(`?limit=2&cursor=${page.body.nextCursor}`))).toEqual([ids[0]]);
    expect(idsOf(await client.as(carl).get('?isActive=false'))).toEqual([ids[1]]);
    expect((await client.as(bob).get(`?userId=${carl.id}`)).status).toBe(403);
    expect(idsOf(await client.as(admin).get(`?userId=${carl.id}`))).toHaveLength(3);
    expect(idsOf(await client.as(admin).get(`?all=true&limit=100`))).toEqual(expect.arrayContaining(ids));
  });
});

describe('changing', () => {
  it('needs the tag of what was read', async () => {
    const id = await client.created();
    expect(await client.patch(id, { name: 'a' }, null)).toMatchObject({
      status: 428,
      body: { code: 'precondition_required' },
    });
    expect(await client.patch(id, { name: 'a' }, '"1"')).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
    });
    expect(await client.patch(id, { name: 'b' }, '"1"')).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    });
    expect((await client.remove(id, null)).status).toBe(428);
    expect((await client.remove(id, '"1"')).status).toBe(412);
    expect((await client.remove(id, '"2"')).status).toBe(204);
    expect((await client.get(`/${id}`)).status).toBe(404);
    expect(await actions(id)).toEqual(['schedule.create', 'schedule.update', 'schedule.delete']);
  });

  it('lets one of two who read the same win', async () => {
    const id = await client.created();
    const answers = await Promise.all(['a', 'b', 'c'].map((name) => client.patch(id, { name }, '"1"')));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412]);
  });

  it('is not made stale by a tick', async () => {
    const id = await client.created();
    await scheduling.since(id, 90);
    await scheduling.tick();
    expect((await client.get(`/${id}`)).body).toMatchObject({ runCount: 1 });
    expect((await client.patch(id, { name: 'a' }, '"1"')).status).toBe(200);
  });

  it('of the type clears the field of the former one', async () => {
    const id = await client.created();
    const { body } = await client.patch(id, { ruleType: 'cron', cronExpression: '@daily' });
    expect(body).toMatchObject({ ruleType: 'cron', cronExpression: '@daily', intervalSeconds: null });
    expect(body.nextRunAt).toMatch(/T00:00:00.000Z$/);
    expect(wrong(await client.patch(id, { ruleType: 'interval' }))).toEqual({
      status: 400,
      errors: [['/intervalSeconds', 'required']],
    });
  });

  it('of the timing counts from now and keeps the grid; of anything else leaves the cursor alone', async () => {
    const id = await client.created();
    await scheduling.since(id, 3600);
    const due = (await scheduling.row(id)).next_run_at;
    await client.patch(id, { name: 'other', missedPolicy: 'skip', jobTemplate, intervalSeconds: 60 });
    expect((await scheduling.row(id)).next_run_at).toEqual(due);
    await client.patch(id, { intervalSeconds: 7200 });
    expect((await scheduling.row(id)).next_run_at!.getTime()).toBe(due!.getTime() + 7_200_000);
    await scheduling.tick();
    expect(await scheduling.slots(id)).toEqual([]);
  });

  it('of maxRuns ends it, or lets it go on', async () => {
    const id = await client.created({ ...MINUTELY, maxRuns: 1 });
    await scheduling.since(id, 10);
    await scheduling.tick();
    expect((await client.get(`/${id}`)).body).toMatchObject({ runCount: 1, nextRunAt: null });
    expect((await client.patch(id, { maxRuns: 2 })).body.nextRunAt).toEqual(expect.any(String));
    expect((await client.patch(id, { maxRuns: 1 })).body.nextRunAt).toBeNull();
    expect((await client.patch(id, { maxRuns: null })).body.nextRunAt).toEqual(expect.any(String));
  });

  it('of one that has ended is possible as long as the timing stays', async () => {
    const id = await client.created({
      ...MINUTELY,
      ruleType: 'once',
      intervalSeconds: undefined,
      runAt: '2099-01-01T00:00:00Z',
    });
    await scheduling.sql(
      `update schedule_rules set run_at = now() - interval '1 day', next_run_at = null where id = $1`,
      [id],
    );
    expect((await client.patch(id, { name: 'history' })).status).toBe(200);
    expect(wrong(await client.patch(id, { runAt: '2020-01-01T00:00:00Z' })).errors).toEqual([
      ['/runAt', 'in_the_past'],
    ]);
    expect((await client.patch(id, { runAt: '2099-01-01T00:00:00Z' })).body.nextRunAt).toBe(
      '2099-01-01T00:00:00.000Z',
    );
  });

  it('of nothing changes nothing', async () => {
    const id = await client.created();
    expect(await client.patch(id, {}, '"1"')).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    expect(await actions(id)).toEqual(['schedule.create']);
  });
});

describe('deleting', () => {
  it('leaves the jobs it has made alone', async () => {
    const id = await client.created();
    await scheduling.since(id, 10);
    await scheduling.tick();
    expect((await client.remove(id)).status).toBe(204);
    expect(await scheduling.slots(id)).toEqual([]);
    expect(await scheduling.jobs(id)).toMatchObject([{ user_id: ann.id }]);
  });
});

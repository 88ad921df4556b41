import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling, type Answer, type Person } from '../../../../test/harness/scheduling.js';
import { MINUTELY, NIGHTLY, SchedulesClient, wrong } from '../../../../test/harness/schedules-client.js';

let scheduling: Scheduling;
let schedules: SchedulesClient;
let calendars: SchedulesClient;
let ann: Person;
let bob: Person;
let admin: Person;

beforeAll(async () => {
  scheduling = await Scheduling.start(2);
  ann = await scheduling.person();
  bob = await scheduling.person();
  admin = await scheduling.person('admin');
  schedules = new SchedulesClient(scheduling, ann);
  calendars = new SchedulesClient(scheduling, ann, '/calendars');
});
afterAll(async () => scheduling.stop());

let names = 0;
const CHRISTMAS = { dates: ['--12-24/--12-26'], weekdays: ['SUN'] };
const made = (more: object = CHRISTMAS): Promise<string> =>
  calendars.created({ name: `calendar ${(names += 1)}`, ...more });

const today = async (): Promise<string> =>
  (await scheduling.sql<{ day: string }>(`select (now() at time zone 'UTC')::date::text as day`))[0]!.day;

const trail = async (id: string): Promise<unknown[]> =>
  (
    await scheduling.sql<{ action: string; details: object }>(
      `select action, details from audit_logs where resource_type = 'calendar' and resource_id = $1 order by id`,
      [id],
    )
  ).map(({ action, details }) => [action, details]);

describe('a calendar', () => {
  it('is made, read, changed and deleted with its tag', async () => {
    const { status, body, headers } = await calendars.post('', {
      name: ' 설날 · نوروز · Новый год 🎉 ',
      description: 'Feiertage',
      ...CHRISTMAS,
    });
    expect(status).toBe(201);
    expect(headers).toMatchObject({ etag: '"1"', location: `/api/calendars/${body.id}` });
    expect(body).toEqual({
      id: expect.any(String) as string,
      userId: ann.id,
      name: '설날 · نوروز · Новый год 🎉',
      description: 'Feiertage',
      ...CHRISTMAS,
      createdAt: expect.any(String) as string,
      updatedAt: expect.any(String) as string,
    });
    expect(await calendars.get(`/${body.id}`)).toMatchObject({ status: 200, body, headers: { etag: '"1"' } });
    const changed = await calendars.patch(body.id, { dates: [] }, '"1"');
    expect(changed).toMatchObject({ body: { dates: [], weekdays: ['SUN'] }, headers: { etag: '"2"' } });
    expect((await calendars.patch(body.id, { dates: [] }, '"1"')).status).toBe(412);
    expect((await calendars.patch(body.id, {}, null)).status).toBe(428);
    expect((await calendars.patch(body.id, {}, '"2"')).headers).toMatchObject({ etag: '"2"' });
    expect((await calendars.remove(body.id, '"1"')).status).toBe(412);
    expect((await calendars.remove(body.id, '"2"')).status).toBe(204);
    expect((await calendars.get(`/${body.id}`)).status).toBe(404);
    expect(await trail(body.id)).toEqual([
      ['calendar.create', { dates: 1, weekdays: 1 }],
      ['calendar.update', { fields: ['dates'], dates: 0, weekdays: 1 }],
      ['calendar.delete', { dates: 0, weekdays: 1 }],
    ]);
  });

  it('is made once by a request that is repeated with its key', async () => {
    const key = { 'idempotency-key': 'calendar-one' };
    const first = await calendars.post('', { name: 'once' }, key);
    const second = await calendars.post('', { name: 'once' }, key);
    expect(second.body).toEqual(first.body);
    expect(second.headers).toMatchObject({ 'idempotency-replayed': 'true' });
  });

  it('has a name of its own among those of its owner, whoever asks first', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => calendars.post('', { name: 'the same' })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('calendar_name_taken');
    expect((await calendars.as(bob).post('', { name: 'the same' })).status).toBe(201);
    const other = await made();
    expect((await calendars.patch(other, { name: 'the same' })).status).toBe(409);
  });

  it('is known to its owner and admins alone', async () => {
    const id = await made();
    const attempts = [
      calendars.as(bob).get(`/${id}`),
      calendars.as(bob).patch(id, { name: 'mine' }),
      calendars.as(bob).remove(id),
    ];
    for (const answer of await Promise.all(attempts)) expect(answer.status).toBe(404);
    expect((await calendars.as(admin).patch(id, { description: 'seen' })).status).toBe(200);
    expect((await calendars.as(bob).get('?all=true')).status).toBe(403);
    const idsOf = (answer: Answer): unknown[] => answer.body.items.map((one) => one['id']);
    expect(idsOf(await calendars.as(admin).get(`?userId=${ann.id}&limit=1`))).toEqual([id]);
    expect(idsOf(await calendars.as(bob).get(''))).not.toContain(id);
    expect(idsOf(await calendars.get('?limit=1'))).toEqual([id]);
  });

  it.each([
    [{ dates: ['2026-02-30'] }, [['/dates/0', 'invalid_day']]],
    [
      { dates: ['2026-01-01', 'x'], weekdays: ['Mo'] },
      [
        ['/weekdays/0', 'invalid_day'],
        ['/dates/1', 'invalid_day'],
      ],
    ],
    [{ weekdays: ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] }, [['/weekdays', 'invalid_day']]],
    [{ dates: '2026-01-01' }, [['/dates', 'invalid_type']]],
    [{ dates: [20260101] }, [['/dates/0', 'invalid_type']]],
    [{ dates: Array.from({ length: 1001 }, () => '2026-01-01') }, [['/dates', 'too_big']]],
    [{ dates: ['9'.repeat(101)] }, [['/dates/0', 'too_big']]],
    [{ name: '' }, [['/name', 'too_small']]],
    [{ description: 'x'.repeat(65_536) }, [['/description', 'too_big']]],
    [{ colour: 'red' }, [['/colour', 'unknown_field']]],
  ])('refuses %j', async (body, errors) => {
    expect(wrong(await calendars.post('', { name: 'bad', ...body }))).toEqual({ status: 400, errors });
  });

  it('suggests the day that was probably meant', async () => {
    const { body } = await calendars.post('', { name: 'bad', dates: ['2026-2-3'] });
    expect(body.detail).toMatch(/did you mean "2026-02-03"\?/);
  });
});

describe('a schedule that leaves days out', () => {
  it('answers them, and shows the next instant that is left', async () => {
    const id = await made({ dates: ['2099-01-01/2099-01-31'] });
    const { status, body } = await schedules.post('', {
      ...NIGHTLY,
      startsAt: '2099-01-01T00:00:00Z',
      exclusions: { dates: ['2099-02-01'], weekdays: ['MON'], calendarIds: [id, id] },
    });
    expect(status).toBe(201);
    expect(body.exclusions).toEqual({ dates: ['2099-02-01'], weekdays: ['MON'], calendarIds: [id] });
    // 1 February is a Sunday.
    expect(body.nextRunAt).toBe('2099-02-03T02:00:00.000Z');
    const preview = await schedules.get(`/${body.id}/preview?count=40&from=2099-01-30T12:00:00Z`);
    expect(preview.body.items.slice(0, 4)).toEqual([
      { at: '2099-01-31T02:00:00.000Z', local: '2099-01-31T02:00:00+00:00', note: 'excluded' },
      { at: '2099-02-01T02:00:00.000Z', local: '2099-02-01T02:00:00+00:00', note: 'excluded' },
      { at: '2099-02-02T02:00:00.000Z', local: '2099-02-02T02:00:00+00:00', note: 'excluded' },
      { at: '2099-02-03T02:00:00.000Z', local: '2099-02-03T02:00:00+00:00' },
    ]);
    const { items } = (await schedules.get('?limit=1')).body;
    expect(items[0]).toMatchObject({ id: body.id, nextRunAt: body.nextRunAt });
    const unsaved = await schedules.post('/preview', {
      ruleType: 'cron',
      cronExpression: '0 2 * * *',
      exclusions: { calendarIds: [id] },
      from: '2099-01-31T00:00:00Z',
      count: 2,
    });
    expect(unsaved.body.items.map((item) => item['note'])).toEqual(['excluded', undefined]);
  });

  it.each([
    [{ dates: ['2026-02-30'] }, [['/exclusions/dates/0', 'invalid_day']]],
    [
      { weekdays: ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] },
      [['/exclusions/weekdays', 'invalid_day']],
    ],
    [{ dates: ['--01-01/--12-31'] }, [['/exclusions', 'never_runs']]],
    [
      { calendarIds: ['01990000-0000-7000-8000-000000000000'] },
      [['/exclusions/calendarIds/0', 'unknown_calendar']],
    ],
    [{ calendarIds: ['x'] }, [['/exclusions/calendarIds/0', 'invalid_format']]],
    [{ days: [] }, [['/exclusions/days', 'unknown_field']]],
  ])('refuses %j', async (exclusions, errors) => {
    expect(wrong(await schedules.post('', { ...NIGHTLY, exclusions }))).toEqual({ status: 400, errors });
    const id = await schedules.created(NIGHTLY);
    expect(wrong(await schedules.patch(id, { exclusions }))).toEqual({ status: 400, errors });
  });

  it('takes the calendars of its owner alone, whoever edits it', async () => {
    const own = await made();
    const body = { exclusions: { calendarIds: [own] } };
    const refused = [['/exclusions/calendarIds/0', 'unknown_calendar']];
    expect(wrong(await schedules.as(bob).post('', { ...NIGHTLY, ...body })).errors).toEqual(refused);
    expect(wrong(await schedules.as(admin).post('', { ...NIGHTLY, ...body })).errors).toEqual(refused);
    const id = await schedules.created();
    expect((await schedules.as(admin).patch(id, body)).status).toBe(200);
  });

  it('has its instants on those days in the ledger as excluded, and the others as ever', async () => {
    const id = await schedules.created({ ...MINUTELY, overlapPolicy: 'allow', missedPolicy: 'run_all' });
    const day = await today();
    expect((await schedules.patch(id, { exclusions: { dates: [day] } })).status).toBe(200);
    await scheduling.since(id, 125);
    await scheduling.sql(`update schedule_rules set max_runs = 2 where id = $1`, [id]);
    await scheduling.tick();
    const outcomes = new Set(await scheduling.outcomes(id));
    expect([...outcomes]).toContain('excluded');
    expect(await scheduling.row(id)).toMatchObject({
      is_active: true,
      next_run_at: expect.any(Date) as Date,
    });
    const listed = await schedules.get(`/${id}/slots?outcome=excluded`);
    expect(listed.body.items[0]).toMatchObject({ jobId: null, reason: null, cause: 'schedule' });
    // Back again: the cursor has not moved, and what is in the ledger stays.
    const before = (await scheduling.slots(id)).length;
    expect((await schedules.patch(id, { exclusions: { dates: [] } })).status).toBe(200);
    await scheduling.sql(
      `update schedule_rules set anchor_at = anchor_at - interval '60 seconds', next_run_at = next_run_at - interval '60 seconds' where id = $1`,
      [id],
    );
    await scheduling.sql(
      `update schedule_slots set scheduled_for = scheduled_for - interval '1 day' where rule_id = $1`,
      [id],
    );
    await scheduling.tick();
    const after = await scheduling.slots(id);
    expect(after).toHaveLength(before + 1);
    expect(after.at(-1)!.outcome).toBe('fired');
  });

  it('follows a calendar that is changed, in every process and from the next instant', async () => {
    const day = await today();
    const calendar = await made({ dates: [] });
    const id = await schedules.created({
      ...MINUTELY,
      overlapPolicy: 'allow',
      exclusions: { calendarIds: [calendar] },
    });
    const step = async (process: number): Promise<string> => {
      await scheduling.sql('delete from schedule_slots where rule_id = $1', [id]);
      await scheduling.since(id, 5);
      await scheduling.tick(process);
      return (await scheduling.outcomes(id)).join();
    };
    expect([await step(0), await step(1)]).toEqual(['fired', 'fired']);
    const excluded = await calendars.patch(calendar, { dates: [day] });
    expect(excluded.status).toBe(200);
    expect([await step(0), await step(1)]).toEqual(['excluded', 'excluded']);
    const { body } = await schedules.get(`/${id}`);
    expect(body.nextRunAt?.slice(0, 10)).not.toBe(day);
    await calendars.patch(calendar, { dates: [] });
    expect([await step(0), await step(1)]).toEqual(['fired', 'fired']);
  });

  it('keeps its calendar from being deleted, and is named', async () => {
    const calendar = await made();
    const id = await schedules.created({
      ...NIGHTLY,
      name: 'nightly but on Sundays',
      exclusions: { calendarIds: [calendar] },
    });
    const refused = await calendars.remove(calendar);
    expect(refused).toMatchObject({ status: 409, body: { code: 'calendar_in_use' } });
    expect(refused.body.detail).toContain(`"nightly but on Sundays" (${id})`);
    expect(
      (await schedules.patch(id, { exclusions: { calendarIds: [] } })).body.exclusions.calendarIds,
    ).toEqual([]);
    expect((await calendars.remove(calendar)).status).toBe(204);
  });

  it('and a deletion at the same moment: one of the two comes first', async () => {
    for (let round = 0; round < 8; round += 1) {
      const calendar = await made();
      const [schedule, removal] = await Promise.all([
        schedules.post('', { ...NIGHTLY, exclusions: { calendarIds: [calendar] } }),
        calendars.remove(calendar),
      ]);
      const pair = [schedule.status, removal.status].join();
      expect(['201,409', '400,204']).toContain(pair);
    }
  });
});

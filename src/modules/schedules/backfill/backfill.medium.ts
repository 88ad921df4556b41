import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling, type Person } from '../../../../test/harness/scheduling.js';
import { MINUTELY, SchedulesClient, wrong } from '../../../../test/harness/schedules-client.js';

let scheduling: Scheduling;
let client: SchedulesClient;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  scheduling = await Scheduling.start(2);
  ann = await scheduling.person();
  bob = await scheduling.person();
  client = new SchedulesClient(scheduling, ann);
});
afterAll(async () => scheduling.stop());

const HOURLY = {
  ...MINUTELY,
  ruleType: 'cron',
  intervalSeconds: undefined,
  cronExpression: '0 * * * *',
  overlapPolicy: 'allow',
};
const DAY = { from: '2026-03-08T00:00:00Z', to: '2026-03-08T05:30:00Z' };

const tally = async (id: string): Promise<string[]> =>
  (await scheduling.slots(id)).map(
    ({ scheduled_for: at, outcome, cause }) => `${at.toISOString().slice(11, 16)} ${outcome} ${cause}`,
  );

describe('a backfill', () => {
  it('says what it would do, and does nothing in a dry run', async () => {
    const id = await client.created(HOURLY);
    const { status, body } = await client.post(`/${id}/backfill`, { ...DAY, dryRun: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dryRun: true, run: 6, known: 0, excluded: 0 });
    expect(body.items[0]).toEqual({
      at: '2026-03-08T00:00:00.000Z',
      local: '2026-03-08T00:00:00+00:00',
      action: 'run',
      outcome: null,
    });
    expect(await scheduling.slots(id)).toEqual([]);
  });

  it('runs every instant once, in the ledger as such, and beside maxRuns', async () => {
    const id = await client.created({ ...HOURLY, maxRuns: 1 });
    const { status, body } = await client.post(`/${id}/backfill`, DAY);
    expect(status).toBe(202);
    expect(body).toMatchObject({ dryRun: false, run: 6 });
    expect(await tally(id)).toEqual(
      ['00', '01', '02', '03', '04', '05'].map((hour) => `${hour}:00 waiting backfill`),
    );
    await scheduling.tick();
    expect(await tally(id)).toEqual(
      ['00', '01', '02', '03', '04', '05'].map((hour) => `${hour}:00 fired backfill`),
    );
    expect(await scheduling.jobs(id)).toHaveLength(6);
    expect(await scheduling.row(id)).toMatchObject({
      run_count: 0,
      look_at: null,
      next_run_at: expect.any(Date) as Date,
    });
    const again = await client.post(`/${id}/backfill`, DAY);
    expect(again.body).toMatchObject({ run: 0, known: 6 });
    await scheduling.tick();
    expect(await scheduling.jobs(id)).toHaveLength(6);
    const listed = await client.get(`/${id}/slots?cause=backfill&from=${DAY.from}&to=2026-03-08T01:00:00Z`);
    expect(listed.body.items.map((item) => item['scheduledFor'])).toEqual([
      '2026-03-08T01:00:00.000Z',
      '2026-03-08T00:00:00.000Z',
    ]);
    const trail = await scheduling.sql(
      `select user_id, details from audit_logs where resource_id = $1 and action = 'schedule.backfill'`,
      [id],
    );
    expect(trail).toEqual([
      {
        user_id: ann.id,
        details: { from: '2026-03-08T00:00:00.000Z', to: '2026-03-08T05:30:00.000Z', slots: 6 },
      },
    ]);
  });

  it('makes one job of an instant however many ask at once', async () => {
    const id = await client.created(HOURLY);
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.post(`/${id}/backfill`, DAY)));
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    await Promise.all([scheduling.tick(0), scheduling.tick(1)]);
    expect(await scheduling.jobs(id)).toHaveLength(6);
    const key = { 'idempotency-key': 'backfill-one' };
    const first = await client.post(`/${id}/backfill`, DAY, key);
    const second = await client.post(`/${id}/backfill`, DAY, key);
    expect(second.body).toEqual(first.body);
    expect(second.headers).toMatchObject({ 'idempotency-replayed': 'true' });
  });

  it('runs what was missed, paused or failed, and leaves alone what ran and what is left out', async () => {
    const id = await client.created({
      ...HOURLY,
      timezone: 'Asia/Seoul',
      exclusions: { dates: ['2026-03-09'] },
    });
    await scheduling.sql(
      `insert into schedule_slots (id, rule_id, scheduled_for, outcome)
       select gen_random_uuid(), $1, at::timestamptz, outcome from (values
         ('2026-03-08T10:00:00Z', 'skipped_missed'), ('2026-03-08T11:00:00Z', 'failed'), ('2026-03-08T12:00:00Z', 'fired'),
         ('2026-03-08T13:00:00Z', 'paused')) as old(at, outcome)`,
      [id],
    );
    // Midnight in Seoul is 15:00 UTC.
    const range = { from: '2026-03-08T10:00:00Z', to: '2026-03-08T16:00:00Z' };
    const { body } = await client.post(`/${id}/backfill`, range);
    expect(body.items.map((item) => [item['at']!.slice(11, 13), item['action'], item['outcome']])).toEqual([
      ['10', 'run', 'skipped_missed'],
      ['11', 'run', 'failed'],
      ['12', 'known', 'fired'],
      ['13', 'run', 'paused'],
      ['14', 'run', null],
      ['15', 'excluded', null],
      ['16', 'excluded', null],
    ]);
    await scheduling.tick();
    expect(await tally(id)).toEqual([
      '10:00 fired backfill',
      '11:00 fired backfill',
      '12:00 fired schedule',
      '13:00 fired backfill',
      '14:00 fired backfill',
    ]);
    expect(await scheduling.jobs(id)).toHaveLength(4);
  });

  it('runs one after another where jobs may not overlap, in order', async () => {
    const id = await client.created({ ...HOURLY, overlapPolicy: 'skip' });
    await client.post(`/${id}/backfill`, { ...DAY, to: '2026-03-08T02:00:00Z' });
    for (let count = 1; count <= 3; count += 1) {
      await scheduling.tick();
      await scheduling.tick();
      expect((await scheduling.outcomes(id)).map((outcome) => outcome === 'fired')).toEqual(
        [1, 2, 3].map((place) => place <= count),
      );
      await scheduling.finishJobs(id);
    }
    expect(await scheduling.jobs(id)).toHaveLength(3);
  });

  it('works while the schedule is paused, and ends when it is paused after it', async () => {
    const id = await client.created({ ...HOURLY, isActive: false, overlapPolicy: 'skip' });
    await client.post(`/${id}/backfill`, DAY);
    await scheduling.tick();
    expect(await scheduling.jobs(id)).toHaveLength(1);
    await client.post(`/${id}/pause`);
    await scheduling.finishJobs(id);
    await scheduling.tick();
    expect(await scheduling.jobs(id)).toHaveLength(1);
    expect((await scheduling.outcomes(id)).slice(1)).toEqual(Array.from({ length: 5 }, () => 'paused'));
  });

  it('takes more than one look takes', async () => {
    const id = await client.created(HOURLY);
    const { body } = await client.post(`/${id}/backfill`, {
      from: '2026-01-01T00:00:00Z',
      to: '2026-02-10T00:00:00Z',
    });
    expect(body).toMatchObject({ run: 961 });
    await scheduling.tick();
    expect(new Set(await scheduling.outcomes(id))).toEqual(new Set(['fired']));
    expect(await scheduling.jobs(id)).toHaveLength(961);
  });

  it.each([
    [{ from: '2026-03-08T00:00:00Z' }, [['/to', 'invalid_type']]],
    [{ ...DAY, to: '2099-01-01T00:00:00Z' }, [['/to', 'in_the_future']]],
    [{ from: DAY.to, to: DAY.from }, [['/to', 'end_before_start']]],
    [{ from: '2020-01-01T00:00:00Z', to: DAY.to }, [['/to', 'too_many_slots']]],
    [{ ...DAY, from: 'yesterday' }, [['/from', 'invalid_format']]],
    [{ ...DAY, dryRun: 'yes' }, [['/dryRun', 'invalid_type']]],
    [{ ...DAY, count: 3 }, [['/count', 'unknown_field']]],
  ])('refuses %j', async (body, errors) => {
    const id = await client.created(HOURLY);
    expect(wrong(await client.post(`/${id}/backfill`, body))).toEqual({ status: 400, errors });
  });

  it('says how far a thousand instants reach', async () => {
    const id = await client.created(HOURLY);
    const { body } = await client.post(`/${id}/backfill`, { from: '2026-01-01T00:00:00Z', to: DAY.to });
    expect(body.detail).toContain('the first 1000 end at 2026-02-11T15:00:00.000Z');
  });

  it('is refused where a job of the schedule would be, and to everybody else', async () => {
    const id = await client.created(HOURLY);
    expect((await client.as(bob).post(`/${id}/backfill`, DAY)).status).toBe(404);
    await scheduling.sql(`update schedule_rules set job_template = '{"type": "gone"}' where id = $1`, [id]);
    expect(wrong(await client.post(`/${id}/backfill`, DAY))).toEqual({
      status: 400,
      errors: [['/jobTemplate/type', 'job_type_unknown']],
    });
    const dora = await scheduling.person();
    const { body } = await client.as(dora).post('', HOURLY);
    await scheduling.sql('update users set is_active = false where id = $1', [dora.id]);
    const admin = await scheduling.person('admin');
    expect(await client.as(admin).post(`/${body.id}/backfill`, DAY)).toMatchObject({
      status: 409,
      body: { code: 'owner_inactive' },
    });
  });
});

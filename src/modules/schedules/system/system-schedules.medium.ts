import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling, type Person } from '../../../../test/harness/scheduling.js';
import { SystemSchedules } from './system-schedules.js';

let scheduling: Scheduling;
let admin: Person;
beforeAll(async () => {
  scheduling = await Scheduling.start(3);
  admin = await scheduling.person('admin');
});
afterAll(async () => scheduling.stop());

interface Rule {
  readonly id: string;
  readonly userId: string | null;
  readonly systemKey: string | null;
  readonly cronExpression: string;
  readonly isActive: boolean;
  readonly nextRunAt: string | null;
  readonly name: string;
}

const ensureEverywhere = () => Promise.all(scheduling.apps.map((app) => app.get(SystemSchedules).ensure()));
const listed = async (as = admin): Promise<Rule[]> =>
  (await scheduling.call('GET', '/schedules?system=true', { as })).body.items as unknown as Rule[];
const cleanup = async (): Promise<Rule> => (await listed()).find(({ systemKey }) => systemKey === 'cleanup')!;
const change = (id: string, body: object, as = admin) =>
  scheduling.call('PATCH', `/schedules/${id}`, { as, body, headers: { 'if-match': '*' } });

describe('schedules of the system', () => {
  it('are made once, however many processes start together and however often', async () => {
    await ensureEverywhere();
    const before = await scheduling.sql('select * from schedule_rules');
    expect(before).toMatchObject([
      {
        user_id: null,
        system_key: 'cleanup',
        name: 'Daily cleanup',
        cron_expression: '0 3 * * *',
        is_active: true,
        version: 1,
        job_template: { type: 'cleanup', payload: {} },
      },
    ]);
    await ensureEverywhere();
    expect(await scheduling.sql('select * from schedule_rules')).toEqual(before);
    expect(
      await scheduling.sql(`select details from audit_logs where action = 'schedule.create'`),
    ).toMatchObject([{ details: { jobType: 'cleanup' } }]);
  });

  it('are for admins to see', async () => {
    await ensureEverywhere();
    const rule = await cleanup();
    expect(rule).toMatchObject({ userId: null, systemKey: 'cleanup', isActive: true });
    expect(Date.parse(rule.nextRunAt ?? '')).toBeGreaterThan(Date.now());
    const user = await scheduling.person();
    expect((await scheduling.call('GET', '/schedules?system=true', { as: user })).status).toBe(403);
    expect((await scheduling.call('GET', `/schedules/${rule.id}`, { as: user })).status).toBe(404);
    expect((await scheduling.call('POST', `/schedules/${rule.id}/run`, { as: user })).status).toBe(404);
    expect((await scheduling.call('GET', '/schedules', { as: admin })).body.items).toEqual([]);
    expect(await listed()).toHaveLength(1);
  });

  it('run in nobody’s name, exactly once, and by hand', async () => {
    await ensureEverywhere();
    const { id } = await cleanup();
    await scheduling.sql(
      `update schedule_rules set next_run_at = date_trunc('day', now()) - interval '2 days' where id = $1`,
      [id],
    );
    await Promise.all(scheduling.apps.map((_, index) => scheduling.tick(index)));
    const slots = await scheduling.slots(id);
    expect(slots.length).toBeGreaterThanOrEqual(2);
    expect(slots.filter(({ outcome }) => outcome === 'fired')).toHaveLength(1);
    expect(await scheduling.jobs(id)).toMatchObject([{ user_id: null, type: 'cleanup' }]);
    await scheduling.endJobs(id);
    const run = await scheduling.call('POST', `/schedules/${id}/run`, { as: admin });
    expect(run.status).toBe(202);
    expect(await scheduling.jobs(id)).toHaveLength(2);
    await scheduling.endJobs(id);
  });

  it('can be moved and paused, which every later start leaves as it is', async () => {
    await ensureEverywhere();
    const { id } = await cleanup();
    expect(
      await change(id, {
        cronExpression: '30 5 * * 1',
        timezone: 'Asia/Tehran',
        exclusions: { weekdays: ['FRI'] },
      }),
    ).toMatchObject({ status: 200, body: { cronExpression: '30 5 * * 1', timezone: 'Asia/Tehran' } });
    const note = 'سرور مشغول است';
    await scheduling.call('POST', `/schedules/${id}/pause`, { as: admin, body: { note } });
    const [left] = await scheduling.sql('select * from schedule_rules where id = $1', [id]);
    await ensureEverywhere();
    expect(await scheduling.sql('select * from schedule_rules where id = $1', [id])).toEqual([left]);
    expect(left).toMatchObject({ is_active: false, paused_note: note, cron_expression: '30 5 * * 1' });
    await scheduling.call('POST', `/schedules/${id}/resume`, { as: admin });
    expect(await cleanup()).toMatchObject({ isActive: true, nextRunAt: expect.any(String) });
  });

  it('cannot be made something else, nor deleted', async () => {
    await ensureEverywhere();
    const { id, name } = await cleanup();
    for (const [field, value] of Object.entries({
      name: 'mine',
      description: 'x',
      jobTemplate: { type: 'probe', payload: { label: 'x' } },
      overlapPolicy: 'allow',
      maxRuns: 1,
      pauseAfterFailures: 1,
    })) {
      const { status, body } = await change(id, { [field]: value });
      expect([status, body.errors], field).toMatchObject([
        400,
        [{ pointer: `/${field}`, code: 'of_the_system' }],
      ]);
    }
    const calendar = await change(id, { exclusions: { calendarIds: [id] } });
    expect([calendar.status, calendar.body.errors]).toMatchObject([
      400,
      [{ pointer: '/exclusions/calendarIds', code: 'of_the_system' }],
    ]);
    const gone = await scheduling.call('DELETE', `/schedules/${id}`, {
      as: admin,
      headers: { 'if-match': '*' },
    });
    expect([gone.status, gone.body.code]).toEqual([409, 'schedule_of_system']);
    expect((await cleanup()).name).toBe(name);
  });

  it('follow a release as long as nobody has changed them, and what they do always does', async () => {
    await ensureEverywhere();
    const { id } = await cleanup();
    const older = `name = 'Old', cron_expression = '0 1 * * *', next_run_at = now() + interval '1 year', job_template = '{"type": "cleanup", "payload": {"dryRun": true}}'`;
    await scheduling.sql(`update schedule_rules set version = 1, ${older} where id = $1`, [id]);
    await ensureEverywhere();
    const [followed] = await scheduling.sql<{ next_run_at: Date }>(
      'select * from schedule_rules where id = $1',
      [id],
    );
    expect(followed).toMatchObject({
      name: 'Daily cleanup',
      cron_expression: '0 3 * * *',
      version: 1,
      job_template: { type: 'cleanup', payload: {} },
    });
    expect(followed!.next_run_at.getTime()).toBeLessThan(Date.now() + 2 * 86_400_000);
    await scheduling.sql(`update schedule_rules set version = 2, ${older} where id = $1`, [id]);
    await ensureEverywhere();
    expect((await scheduling.sql('select * from schedule_rules where id = $1', [id]))[0]).toMatchObject({
      name: 'Daily cleanup',
      cron_expression: '0 1 * * *',
      version: 2,
      job_template: { type: 'cleanup', payload: {} },
    });
  });
});

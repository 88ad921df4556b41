import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProbeJob } from '../../../test/fixtures/probe-job.js';
import { Scheduling } from '../../../test/harness/scheduling.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start();
});
afterAll(async () => scheduling.stop());

const audit = async (rule: string, action: string): Promise<object[]> =>
  (
    await scheduling.sql<{ details: object }>(
      'select details from audit_logs where resource_id = $1 and action = $2',
      [rule, action],
    )
  ).map(({ details }) => details);

describe('a rule that fails', () => {
  it.each([
    ['user', 'This probe is refused.'],
    ['bug', 'Something went wrong on our side; the log says more.'],
    ['statement', 'Something went wrong on our side; the log says more.'],
  ] as const)('by %s is recorded, moves on and leaves the others alone', async (refuse, reason) => {
    ProbeJob.lenient = true;
    const bad = await scheduling.rule({ jobTemplate: { type: 'probe', payload: { label: 'x', refuse } } });
    ProbeJob.lenient = false;
    const good = [await scheduling.rule(), await scheduling.rule()];
    await scheduling.since(good[0]!, 4);
    await scheduling.since(bad, 3);
    await scheduling.since(good[1]!, 2);
    await scheduling.tick();
    const slots = await scheduling.slots(bad);
    expect(slots.length).toBeGreaterThanOrEqual(4);
    for (const slot of slots) expect(slot).toMatchObject({ outcome: 'failed', reason, job_id: null });
    expect(await scheduling.jobs(bad)).toEqual([]);
    const row = await scheduling.row(bad);
    expect(row).toMatchObject({ last_error: reason, run_count: 0, last_run_at: null, is_active: true });
    expect(row.next_run_at!.getTime()).toBeGreaterThan(slots.at(-1)!.scheduled_for.getTime());
    for (const rule of good) expect(new Set(await scheduling.outcomes(rule))).toEqual(new Set(['fired']));
    await scheduling.sql('delete from schedule_rules');
  });

  it('by a job type that is gone recovers when it is back', async () => {
    const rule = await scheduling.rule({ ruleType: 'interval', intervalSeconds: 60 });
    await scheduling.sql(`update schedule_rules set job_template = '{"type": "gone", "payload": {}}'`);
    await scheduling.since(rule, 20);
    await scheduling.tick();
    expect((await scheduling.row(rule)).last_error).toMatch(/There is no job type "gone"/);
    await scheduling.sql(
      `update schedule_rules set job_template = '{"type": "probe", "payload": {"label": "x"}}'`,
    );
    await scheduling.since(rule, 5);
    await scheduling.tick();
    expect(await scheduling.row(rule)).toMatchObject({ last_error: null, run_count: 1 });
    await scheduling.sql('delete from schedule_rules');
  });

  it('by a timing that cannot be read is paused, visibly', async () => {
    const rule = await scheduling.rule();
    const good = await scheduling.rule();
    await scheduling.sql(`update schedule_rules set timezone = 'Atlantis/Capital' where id = $1`, [rule]);
    await scheduling.since(rule, 2);
    await scheduling.since(good, 1);
    await scheduling.tick();
    expect(await scheduling.row(rule)).toMatchObject({
      is_active: false,
      next_run_at: null,
      last_error: expect.stringMatching(/^timezone /),
    });
    expect(await audit(rule, 'schedule.pause')).toEqual([{ reason: 'timing_invalid' }]);
    expect(new Set(await scheduling.outcomes(good))).toEqual(new Set(['fired']));
    await scheduling.sql('delete from schedule_rules');
  });
});

describe('the owner', () => {
  it.each([
    ['deactivated', 'update users set is_active = false where id = $1'],
    ['deleted', 'update users set is_active = false, deleted_at = now() where id = $1'],
  ])('who is %s has their rules paused', async (_, change) => {
    const owner = await scheduling.person();
    const rule = await scheduling.rule({ owner, ruleType: 'interval', intervalSeconds: 10 });
    await scheduling.since(rule, 25);
    await scheduling.sql(change, [owner.id]);
    await scheduling.tick();
    expect(await scheduling.slots(rule)).toMatchObject(
      Array.from({ length: 3 }, () => ({ outcome: 'paused', reason: 'owner_inactive', job_id: null })),
    );
    expect(await scheduling.row(rule)).toMatchObject({ is_active: false, next_run_at: null });
    expect(await audit(rule, 'schedule.pause')).toEqual([{ reason: 'owner_inactive' }]);
    expect(await scheduling.jobs(rule)).toEqual([]);
  });

  it('acts with the rights of the moment', async () => {
    const owner = await scheduling.person('power_user');
    const rule = await scheduling.rule({
      owner,
      ruleType: 'interval',
      intervalSeconds: 60,
      jobTemplate: { type: 'power-probe', payload: { label: 'x' } },
    });
    await scheduling.since(rule, 20);
    await scheduling.tick();
    expect(await scheduling.jobs(rule)).toMatchObject([{ user_id: owner.id }]);
    await scheduling.sql(`update users set role = 'user' where id = $1`, [owner.id]);
    await scheduling.since(rule, 5);
    await scheduling.tick();
    expect((await scheduling.row(rule)).last_error).toMatch(/need the role power_user/);
    await scheduling.sql('delete from schedule_rules');
  });
});

describe('a pause until a time', () => {
  it('ends by itself with the first instant from then on', async () => {
    const rule = await scheduling.rule();
    await scheduling.since(rule, 600);
    await scheduling.sql(
      `update schedule_rules set is_active = false, paused_note = 'works', paused_until = next_run_at + interval '590 seconds',
              next_run_at = next_run_at + interval '590 seconds' where id = $1`,
      [rule],
    );
    await scheduling.tick();
    const row = await scheduling.row(rule);
    expect(row).toMatchObject({ is_active: true, paused_note: null, paused_until: null, version: 1 });
    expect((await scheduling.slots(rule)).length).toBeGreaterThanOrEqual(11);
    expect((await scheduling.slots(rule)).length).toBeLessThan(100);
    expect(await audit(rule, 'schedule.resume')).toEqual([{ reason: 'pause_over' }]);
    await scheduling.sql('delete from schedule_rules');
  });
});

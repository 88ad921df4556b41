import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../test/harness/scheduling.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start();
});
afterEach(() => scheduling.sql('delete from schedule_rules'));
afterAll(async () => scheduling.stop());

const MINUTELY = { ruleType: 'interval', intervalSeconds: 60 } as const;

/** What became of each slot, with what it waits for or why it was skipped. */
const fates = async (rule: string): Promise<string[]> =>
  (await scheduling.slots(rule)).map(({ outcome, reason }) =>
    reason === null ? outcome : `${outcome} ${reason}`,
  );

/** As if the time had come to look at what waits. */
const look = (rule: string) =>
  scheduling.sql(`update schedule_rules set look_at = now() where id = $1 and look_at is not null`, [rule]);

describe('what waits', () => {
  const waiting = async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one', missedPolicy: 'run_all' });
    await scheduling.since(rule, 65);
    await scheduling.tick();
    return rule;
  };

  it('does not fire after a pause', async () => {
    const owner = await scheduling.person();
    const rule = await scheduling.rule({
      owner,
      ...MINUTELY,
      overlapPolicy: 'queue_one',
      missedPolicy: 'run_all',
    });
    await scheduling.since(rule, 65);
    await scheduling.tick();
    expect((await scheduling.call('POST', `/schedules/${rule}/pause`, { as: owner, body: {} })).status).toBe(
      200,
    );
    expect(await fates(rule)).toEqual(['fired', 'paused paused']);
    await scheduling.finishJobs(rule);
    await scheduling.call('POST', `/schedules/${rule}/resume`, { as: owner });
    await scheduling.tick();
    expect(await scheduling.jobs(rule)).toHaveLength(1);
  });

  it('does not fire for an owner who is deactivated', async () => {
    const rule = await waiting();
    await scheduling.sql(
      `update users set is_active = false where id = (select user_id from schedule_rules where id = $1)`,
      [rule],
    );
    await scheduling.finishJobs(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'paused owner_inactive']);
    expect(await scheduling.row(rule)).toMatchObject({ is_active: false, look_at: null });
  });

  it('is recorded as failed when its job cannot be made any more', async () => {
    const rule = await waiting();
    await scheduling.sql(`update schedule_rules set job_template = '{"type": "gone"}' where id = $1`, [rule]);
    await scheduling.finishJobs(rule);
    await scheduling.tick();
    expect((await fates(rule))[1]).toMatch(/^failed .*no job type "gone"/);
    expect(await scheduling.row(rule)).toMatchObject({ is_active: true, look_at: null });
  });

  it('follows a changed policy', async () => {
    const owner = await scheduling.person();
    const rule = await scheduling.rule({
      owner,
      ...MINUTELY,
      overlapPolicy: 'queue_one',
      missedPolicy: 'run_all',
    });
    await scheduling.since(rule, 65);
    await scheduling.tick();
    const headers = { 'if-match': '*' };
    const body = { overlapPolicy: 'allow' };
    expect((await scheduling.call('PATCH', `/schedules/${rule}`, { as: owner, body, headers })).status).toBe(
      200,
    );
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'fired']);
  });

  it('goes with its rule', async () => {
    const rule = await waiting();
    await scheduling.sql('delete from schedule_rules where id = $1', [rule]);
    await scheduling.finishJobs(rule);
    await scheduling.tick();
    expect(await scheduling.jobs(rule)).toHaveLength(1);
  });
});

describe('catching up with a distance', () => {
  const HOUR = 3600;

  it('runs the latest within the maximum, one after the distance to the other', async () => {
    const rule = await scheduling.rule({
      ruleType: 'interval',
      intervalSeconds: HOUR,
      missedPolicy: 'run_all',
      missedMax: 3,
      missedSpacingSeconds: 120,
    });
    await scheduling.since(rule, 6 * HOUR + 600);
    await scheduling.tick();
    expect(await fates(rule)).toEqual([
      ...Array.from({ length: 4 }, () => 'skipped_missed'),
      'fired',
      'waiting spacing',
      'waiting spacing',
    ]);
    const slots = await scheduling.slots(rule);
    expect(slots.map(({ cause }) => cause).slice(3)).toEqual([
      'schedule',
      'catch_up',
      'catch_up',
      'catch_up',
    ]);
    expect(slots[6]!.due_at!.getTime() - slots[5]!.due_at!.getTime()).toBe(120_000);
    expect((await scheduling.row(rule)).look_at).toEqual(slots[5]!.due_at);
    expect(await scheduling.jobs(rule)).toHaveLength(1);
    for (const count of [2, 3]) {
      await scheduling.sql(
        `update schedule_slots set due_at = due_at - interval '2 minutes' where rule_id = $1`,
        [rule],
      );
      await look(rule);
      await scheduling.tick();
      expect(await scheduling.jobs(rule)).toHaveLength(count);
    }
    expect((await fates(rule)).slice(4)).toEqual(['fired', 'fired', 'fired']);
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 3, look_at: null });
  });

  it('keeps the distance over transactions and downtimes', async () => {
    const rule = await scheduling.rule({
      ruleType: 'interval',
      intervalSeconds: 60,
      missedPolicy: 'run_all',
      missedMax: 400,
      missedSpacingSeconds: 10,
    });
    await scheduling.since(rule, 450 * 60);
    await scheduling.tick();
    const slots = await scheduling.slots(rule);
    const due = slots.flatMap(({ due_at }) => due_at?.getTime() ?? []);
    expect(due.length).toBeGreaterThan(390);
    expect(due.slice(1).map((at, index) => at - due[index]!)).toEqual(due.slice(1).map(() => 10_000));
    const fired = slots.filter(({ cause, outcome }) => cause === 'catch_up' && outcome === 'fired');
    expect(fired).toHaveLength(1);
  });

  it('goes through the overlap policy when its turn has come', async () => {
    const rule = await scheduling.rule({
      ruleType: 'interval',
      intervalSeconds: HOUR,
      overlapPolicy: 'skip',
      missedPolicy: 'run_all',
      missedMax: 2,
      missedSpacingSeconds: 60,
    });
    await scheduling.since(rule, 2 * HOUR + 600);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['skipped_missed', 'fired', 'waiting spacing']);
    await scheduling.sql(`update schedule_slots set due_at = now() where outcome = 'waiting'`);
    await look(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['skipped_missed', 'fired', 'skipped_overlap']);
    expect((await scheduling.row(rule)).look_at).toBeNull();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../../test/harness/scheduling.js';
import { TZ_VERSION } from '../../../kernel/time/index.js';
import { TzReplanner } from './tz-replanner.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start();
});
afterAll(async () => scheduling.stop());

const replan = (version?: string): Promise<number> => scheduling.apps[0]!.get(TzReplanner).replan(version);

/** As if it had been planned by older tz data, up to a time and with this next instant. */
async function old(id: string, plannedTo: string, nextRunAt: string, version = '1999a'): Promise<void> {
  await scheduling.sql(
    `update schedule_rules set planned_to = $2, next_run_at = $3, tz_version = $4 where id = $1`,
    [id, plannedTo, nextRunAt, version],
  );
}

const NOON = { ruleType: 'cron', cronExpression: '0 12 * * *', timezone: 'America/New_York' } as const;

describe('new tz data', () => {
  it('moves the next instant to where it belongs now: earlier, later or not at all', async () => {
    const [early, late, right, once] = [
      await scheduling.rule(NOON),
      await scheduling.rule(NOON),
      await scheduling.rule(NOON),
      await scheduling.rule({ ruleType: 'once', runAt: new Date('2099-01-01T00:00:00Z') }),
    ];
    await old(early, '2099-06-01T16:00:00Z', '2099-06-02T17:00:00Z');
    await old(late, '2099-06-01T16:00:00Z', '2099-06-02T15:00:00Z');
    await old(right, '2099-06-01T16:00:00Z', '2099-06-02T16:00:00Z');
    await old(once, '2026-01-01T00:00:00Z', '2099-01-01T00:00:00Z');
    expect(await replan()).toBe(3);
    for (const rule of [early, late, right])
      expect(await scheduling.row(rule)).toMatchObject({
        next_run_at: new Date('2099-06-02T16:00:00Z'),
        tz_version: TZ_VERSION,
        version: 1,
      });
    expect(await scheduling.row(once)).toMatchObject({ tz_version: '1999a' });
    expect(await replan()).toBe(0);
    await scheduling.sql('delete from schedule_rules');
  });

  it('loses no instant that has become due by it, and plans none twice', async () => {
    const rule = await scheduling.rule({ ...NOON, missedPolicy: 'run_all' });
    // The last one in the ledger is the one of two days ago; by the old data the next one would be far ahead.
    const [{ last }] = (await scheduling.sql<{ last: Date }>(
      `select ((date_trunc('day', now() at time zone 'America/New_York') - interval '2 days' + interval '12 hours')
               at time zone 'America/New_York') as last`,
    )) as [{ last: Date }];
    await scheduling.sql(
      `insert into schedule_slots (id, rule_id, scheduled_for, outcome) values (gen_random_uuid(), $1, $2, 'fired')`,
      [rule, last],
    );
    await old(rule, last.toISOString(), '2099-01-01T17:00:00Z');
    expect(await replan()).toBe(1);
    await scheduling.tick();
    const slots = await scheduling.slots(rule);
    expect(slots.length).toBeGreaterThanOrEqual(2);
    expect(new Set(slots.map(({ scheduled_for: at }) => at.getTime())).size).toBe(slots.length);
    const days = slots.map(({ scheduled_for: at }) =>
      Math.round((at.getTime() - last.getTime()) / 86_400_000),
    );
    expect(days).toEqual(days.map((_, index) => index));
    await scheduling.sql('delete from schedule_rules');
  });

  it('is asked of all rules, a batch at a time, and never of those planned by newer data', async () => {
    const first = await scheduling.rule(NOON);
    await scheduling.sql(
      `insert into schedule_rules (id, user_id, name, rule_type, cron_expression, timezone, dst_policy, job_template, next_run_at, tz_version)
       select gen_random_uuid(), user_id, name, rule_type, cron_expression, timezone, dst_policy, job_template, next_run_at, null
         from schedule_rules, generate_series(1, 450) where id = $1`,
      [first],
    );
    expect(await replan('2026z')).toBe(451);
    expect(await replan('2026a')).toBe(0);
    expect(await scheduling.row(first)).toMatchObject({ tz_version: '2026z' });
    await scheduling.sql('delete from schedule_rules');
  });

  it('is what a rule says it was planned by, from its making on', async () => {
    const rule = await scheduling.rule();
    expect(await scheduling.row(rule)).toMatchObject({ tz_version: TZ_VERSION });
    await scheduling.since(rule, 3);
    await scheduling.sql(
      `update schedule_rules set tz_version = null, planned_to = anchor_at - interval '1 second' where id = $1`,
      [rule],
    );
    await scheduling.tick();
    const slots = await scheduling.slots(rule);
    expect(await scheduling.row(rule)).toMatchObject({
      tz_version: TZ_VERSION,
      planned_to: slots.at(-1)!.scheduled_for,
    });
  });
});

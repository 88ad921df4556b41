import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../test/harness/scheduling.js';
import { Metrics } from '../../kernel/metrics/index.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start();
});
afterEach(async () => {
  await scheduling.sql('delete from schedule_rules');
});
afterAll(async () => scheduling.stop());

const RULES = 30;
const hourly = { ruleType: 'interval', intervalSeconds: 3600 } as const;

async function dueRules(): Promise<string[]> {
  const owner = await scheduling.person();
  const rules: string[] = [];
  for (let made = 0; made < RULES; made += 1) rules.push(await scheduling.rule({ ...hourly, owner }));
  for (const rule of rules) await scheduling.since(rule, 5);
  return rules;
}

const statements = () => scheduling.sql('select * from schedule_slots where outcome = $1', ['fired']);

describe('many rules at once', () => {
  it('fire in one batch, each with its own slot, job and audit line', async () => {
    const rules = await dueRules();
    expect(await scheduling.batch()).toBe(false);
    for (const rule of rules) {
      const [slot, ...others] = await scheduling.slots(rule);
      expect(others).toEqual([]);
      expect(await scheduling.jobs(rule)).toMatchObject([{ id: slot!.job_id }]);
      expect(await scheduling.row(rule)).toMatchObject({ run_count: 1, last_error: null });
    }
    const audited = await scheduling.sql<{ rule: string }>(
      `select details->>'ruleId' as rule from audit_logs where action = 'job.create'`,
    );
    expect(audited.map(({ rule }) => rule).toSorted()).toEqual(rules.toSorted());
    const text = await scheduling.apps[0]!.get(Metrics).exposition();
    expect(text).toContain(`steward_schedules_slots_total{outcome="fired"} ${RULES}`);
    expect(text).toMatch(new RegExp(`^steward_schedules_lag_seconds_count ${RULES}$`, 'm'));
  });

  it('are measured alike when one has to be looked at alone', async () => {
    const lags = async (): Promise<{ count: number; sum: number }> => {
      const text = await scheduling.apps[0]!.get(Metrics).exposition();
      const value = (name: string): number =>
        Number(new RegExp(`^steward_schedules_lag_seconds_${name} (\\S+)$`, 'm').exec(text)?.[1]);
      return { count: value('count'), sum: value('sum') };
    };
    const rule = await scheduling.rule({ ...hourly, overlapPolicy: 'queue_one' });
    await scheduling.since(rule, 3600);
    // The second one of them has to wait, so the first is not written with others.
    await scheduling.sql(`update schedule_rules set missed_policy = 'run_all' where id = $1`, [rule]);
    const before = await lags();
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired', 'waiting']);
    const alone = await lags();
    expect(alone.count - before.count).toBe(1);
    expect(alone.sum - before.sum).toBeGreaterThanOrEqual(3600);
    await scheduling.finishJobs(rule);
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired', 'fired']);
    expect((await lags()).count - alone.count).toBe(1);
  });

  it('are not kept back by one whose statements fail', async () => {
    const rules = await dueRules();
    const bad = rules[13]!;
    await scheduling.sql(`
      create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'not this one'; end $$`);
    await scheduling.sql(`
      create trigger refuse before insert on schedule_slots for each row
      when (new.rule_id = '${bad}' and new.outcome = 'fired') execute function refuse()`);
    await scheduling.batch();
    await scheduling.sql('drop trigger refuse on schedule_slots');
    await scheduling.sql('drop function refuse');
    for (const rule of rules)
      expect(await scheduling.outcomes(rule)).toEqual([rule === bad ? 'failed' : 'fired']);
    expect(await statements()).toHaveLength(RULES - 1);
    expect(await scheduling.jobs(bad)).toEqual([]);
  });

  it('make no job of slots that are in the ledger', async () => {
    const rules = await dueRules();
    await scheduling.batch();
    const again = rules.slice(7, 12);
    await scheduling.sql('update schedule_rules set next_run_at = anchor_at where id = any($1::uuid[])', [
      again,
    ]);
    const fresh = await dueRules();
    await scheduling.tick();
    for (const rule of [...rules, ...fresh]) {
      expect(await scheduling.outcomes(rule)).toEqual(['fired']);
      expect(await scheduling.jobs(rule)).toHaveLength(1);
      expect(await scheduling.row(rule)).toMatchObject({ run_count: 1 });
    }
  });

  it('are told apart: who may, who may not, who is busy', async () => {
    const gone = await scheduling.person();
    const demoted = await scheduling.person('power_user');
    const power = { type: 'power-probe', payload: { label: 'x' } };
    const left = await scheduling.rule({ ...hourly, owner: gone });
    const weak = await scheduling.rule({ ...hourly, owner: demoted, jobTemplate: power });
    const busy = await scheduling.rule({ ruleType: 'interval', intervalSeconds: 60, overlapPolicy: 'skip' });
    const many = await scheduling.rule({ ruleType: 'interval', intervalSeconds: 60, maxRuns: 2 });
    await scheduling.since(busy, 5);
    await scheduling.tick();
    // A minute later.
    await scheduling.sql(
      `update schedule_slots set scheduled_for = scheduled_for - interval '60 s' where rule_id = $1`,
      [busy],
    );
    for (const rule of [left, weak]) await scheduling.since(rule, 5);
    await scheduling.sql(
      `update schedule_rules set next_run_at = next_run_at - interval '60 s', anchor_at = anchor_at - interval '60 s' where id = $1`,
      [busy],
    );
    await scheduling.since(many, 150);
    await scheduling.sql(`update schedule_rules set missed_policy = 'run_all' where id = $1`, [many]);
    await scheduling.sql('update users set is_active = false where id = $1', [gone.id]);
    await scheduling.sql(`update users set role = 'user' where id = $1`, [demoted.id]);
    const good = await dueRules();
    await scheduling.tick();
    expect(await scheduling.outcomes(left)).toEqual(['paused']);
    expect(await scheduling.outcomes(weak)).toEqual(['failed']);
    expect(await scheduling.outcomes(busy)).toEqual(['fired', 'skipped_overlap']);
    expect(await scheduling.outcomes(many)).toEqual(['fired', 'fired']);
    expect(await scheduling.row(many)).toMatchObject({ run_count: 2, next_run_at: null });
    for (const rule of good) expect(await scheduling.outcomes(rule)).toEqual(['fired']);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../test/harness/scheduling.js';
import { until } from '../../../test/harness/until.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start(3);
});
afterEach(() => scheduling.sql('delete from schedule_rules'));
afterAll(async () => scheduling.stop());

const MINUTELY = { ruleType: 'interval', intervalSeconds: 60 } as const;

/** What became of each slot, with what it waits for or why it was skipped. */
const fates = async (rule: string): Promise<string[]> =>
  (await scheduling.slots(rule)).map(({ outcome, reason }) =>
    reason === null ? outcome : `${outcome} ${reason}`,
  );

/** Whether a job that waits is with the queue already is the dispatcher's matter, which runs beside the tests. */
const statuses = async (rule: string): Promise<string[]> =>
  (await scheduling.jobs(rule)).map(({ status }) => status.replace(/^(pending|queued)$/, 'waits'));

/** As if a minute had passed: the next instant of a minutely rule has just come. */
async function nextMinute(rule: string): Promise<void> {
  // In two steps: the key is checked row by row, and each takes the place of the one before it.
  for (const shift of [`interval '1 day'`, `interval '1 minute' - interval '1 day'`])
    await scheduling.sql(
      `update schedule_slots set scheduled_for = scheduled_for - (${shift}) where rule_id = $1`,
      [rule],
    );
  await scheduling.sql(
    `update schedule_rules set anchor_at = anchor_at - interval '1 minute', next_run_at = next_run_at - interval '1 minute',
            planned_to = planned_to - interval '1 minute' where id = $1`,
    [rule],
  );
}

/** As if the time had come to look at what waits. */
const look = (rule: string) =>
  scheduling.sql(`update schedule_rules set look_at = now() where id = $1 and look_at is not null`, [rule]);

describe('queue_one', () => {
  it('lets one slot wait for the job before it, skips further ones, and fires it when the job has ended', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one', missedPolicy: 'run_all' });
    await scheduling.since(rule, 3 * 60 + 5);
    await scheduling.tick();
    expect(await fates(rule)).toEqual([
      'fired',
      'waiting previous_job',
      'skipped_overlap',
      'skipped_overlap',
    ]);
    await look(rule);
    await scheduling.tick();
    expect(await scheduling.jobs(rule)).toHaveLength(1);
    const [, waiting] = await scheduling.slots(rule);
    expect(waiting).toMatchObject({ job_id: null, decided_at: null });
    await scheduling.finishJobs(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'fired', 'skipped_overlap', 'skipped_overlap']);
    const [first, second] = await scheduling.slots(rule);
    expect(second!.job_id).not.toBe(first!.job_id);
    expect(second!.decided_at!.getTime()).toBeGreaterThan(first!.decided_at!.getTime());
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 2, look_at: null });
  });

  it('fires what has waited before what has just come', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one', missedPolicy: 'run_all' });
    await scheduling.since(rule, 65);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'waiting previous_job']);
    await nextMinute(rule);
    // The end of the job is not told: the tick of the next instant finds it.
    await scheduling.endJobs(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'fired', 'waiting previous_job']);
    expect(await statuses(rule)).toEqual(['cancelled', 'waits']);
  });

  it('is fired exactly once by any number of processes, each time the job before it ends', async () => {
    const rules = await Promise.all(
      Array.from({ length: 10 }, () =>
        scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one', missedPolicy: 'run_all' }),
      ),
    );
    for (const rule of rules) await scheduling.since(rule, 65);
    await Promise.all([0, 1, 2].map((process) => scheduling.tick(process)));
    await Promise.all(rules.map((rule) => scheduling.finishJobs(rule)));
    await Promise.all(Array.from({ length: 12 }, (_, index) => scheduling.tick(index % 3)));
    for (const rule of rules) {
      expect(await fates(rule)).toEqual(['fired', 'fired']);
      expect(await scheduling.jobs(rule)).toHaveLength(2);
    }
  });

  it('survives a connection that dies while it fires, and a wake-up that never comes', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one', missedPolicy: 'run_all' });
    await scheduling.since(rule, 65);
    await scheduling.tick();
    await scheduling.endJobs(rule);
    await scheduling.sql(`
      create function die() returns trigger language plpgsql as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
    await scheduling.sql(
      'create trigger die after update on schedule_slots for each row execute function die()',
    );
    await look(rule);
    await expect(scheduling.batch()).rejects.toThrow(/terminat/i);
    expect(await fates(rule)).toEqual(['fired', 'waiting previous_job']);
    await scheduling.sql('drop trigger die on schedule_slots');
    await scheduling.sql('drop function die');
    expect((await scheduling.row(rule)).look_at).not.toBeNull();
    await look(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'fired']);
    expect(await scheduling.jobs(rule)).toHaveLength(2);
  });

  it('is looked at by itself after a while, because a wake-up may come before it waits', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one', missedPolicy: 'run_all' });
    await scheduling.since(rule, 65);
    await scheduling.tick();
    const [{ seconds }] = (await scheduling.sql<{ seconds: number }>(
      `select extract(epoch from look_at - now())::float8 as seconds from schedule_rules where id = $1`,
      [rule],
    )) as [{ seconds: number }];
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(10);
  });

  it('is seen by the end of a job that comes while the tick which lets it wait is not committed', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'queue_one' });
    let told: Promise<void> = Promise.resolve();
    await scheduling.holding(
      `update schedule_rules set look_at = now() + interval '1 hour' where id = $1`,
      [rule],
      async () => {
        told = scheduling.tell(rule, ['completed']);
        await until(async () => (await scheduling.sql(`select from pg_locks where not granted`)).length > 0, {
          describe: 'the end of the job to wait for the tick',
        });
      },
      'commit',
    );
    await told;
    const [seen] = await scheduling.sql<{ rung: boolean }>(
      `select look_at <= now() as rung from schedule_rules where id = $1`,
      [rule],
    );
    expect(seen).toEqual({ rung: true });
  });

  it('waits for an end of the rule and no longer than its runs reach', async () => {
    const rule = await scheduling.rule({
      ...MINUTELY,
      overlapPolicy: 'queue_one',
      missedPolicy: 'run_all',
      maxRuns: 2,
    });
    await scheduling.since(rule, 3 * 60 + 5);
    await scheduling.tick();
    expect(await fates(rule)).toEqual([
      'fired',
      'waiting previous_job',
      'skipped_overlap',
      'skipped_overlap',
    ]);
    await scheduling.finishJobs(rule);
    await scheduling.tick();
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 2, next_run_at: null, look_at: null });
    await nextMinute(rule);
    await scheduling.tick();
    expect((await fates(rule)).filter((fate) => fate === 'fired')).toHaveLength(2);
  });
});

describe('cancel_previous', () => {
  it('cancels a job that waits at once and fires', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'cancel_previous' });
    await scheduling.since(rule, 5);
    await scheduling.tick();
    await nextMinute(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'fired']);
    expect(await statuses(rule)).toEqual(['cancelled', 'waits']);
    const [first] = await scheduling.jobs(rule);
    const events = await scheduling.sql(`select type from events where subject_id = $1`, [first!.id]);
    expect(events).toEqual([{ type: 'job.cancelled' }]);
    const trail = await scheduling.sql(
      `select actor_type, details from audit_logs where resource_id = $1 and action = 'job.cancel'`,
      [first!.id],
    );
    expect(trail).toEqual([{ actor_type: 'schedule', details: { reason: 'cancel_previous', ruleId: rule } }]);
  });

  it('asks a running job to stop and fires when it has ended, so that two never run side by side', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'cancel_previous' });
    await scheduling.since(rule, 5);
    await scheduling.tick();
    await scheduling.runJobs(rule);
    await nextMinute(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'waiting previous_job']);
    expect(
      await scheduling.sql('select cancel_requested_at from jobs where schedule_id = $1', [rule]),
    ).toMatchObject([{ cancel_requested_at: expect.any(Date) as Date }]);
    // It takes its time; the next instant takes the place of the one that waits.
    await nextMinute(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'skipped_overlap superseded', 'waiting previous_job']);
    expect(await scheduling.jobs(rule)).toHaveLength(1);
    await scheduling.finishJobs(rule, 'cancelled');
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'skipped_overlap superseded', 'fired']);
    expect(await statuses(rule)).toEqual(['cancelled', 'waits']);
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 2, look_at: null });
  });

  it('waits for nobody who is just moving the job, and asks again', async () => {
    const rule = await scheduling.rule({ ...MINUTELY, overlapPolicy: 'cancel_previous' });
    await scheduling.since(rule, 5);
    await scheduling.tick();
    await scheduling.holding(`select from jobs where schedule_id = $1 for update`, [rule], async () => {
      await nextMinute(rule);
      await scheduling.tick();
      expect(await fates(rule)).toEqual(['fired', 'waiting previous_job']);
      expect(await statuses(rule)).toEqual(['waits']);
    });
    await look(rule);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['fired', 'fired']);
    expect(await statuses(rule)).toEqual(['cancelled', 'waits']);
  });

  it('runs the latest of several that have come at once', async () => {
    const rule = await scheduling.rule({
      ...MINUTELY,
      overlapPolicy: 'cancel_previous',
      missedPolicy: 'run_all',
    });
    await scheduling.since(rule, 2 * 60 + 5);
    await scheduling.tick();
    expect(await fates(rule)).toEqual(['skipped_overlap superseded', 'skipped_overlap superseded', 'fired']);
    expect(await scheduling.jobs(rule)).toHaveLength(1);
  });
});

it('cancels nothing for a slot that has no run left', async () => {
  const rule = await scheduling.rule({
    ruleType: 'interval',
    intervalSeconds: 60,
    overlapPolicy: 'cancel_previous',
    missedPolicy: 'run_all',
    missedSpacingSeconds: 60,
    maxRuns: 2,
  });
  await scheduling.since(rule, 300);
  await scheduling.tick();
  // The plan lets more wait than may run, because it cannot know which of them will.
  expect(await scheduling.outcomes(rule)).toContain('waiting');
  const latestIsDue = async (): Promise<void> => {
    await scheduling.sql(
      `with due as (update schedule_slots set due_at = now() where id =
                      (select id from schedule_slots where outcome = 'waiting' and rule_id = $1 order by scheduled_for desc limit 1))
       update schedule_rules set look_at = now() where id = $1`,
      [rule],
    );
    await scheduling.tick();
  };
  while ((await scheduling.row(rule)).run_count < 2) {
    await scheduling.finishJobs(rule);
    await latestIsDue();
  }
  await scheduling.runJobs(rule);
  await latestIsDue();
  expect(await fates(rule)).toContain('skipped_overlap max_runs');
  expect(
    await scheduling.sql(
      `select cancel_requested_at as asked from jobs where schedule_id = $1 and status = 'running'`,
      [rule],
    ),
  ).toEqual([{ asked: null }]);
});

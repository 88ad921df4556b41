import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../test/harness/scheduling.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start(4);
});
afterAll(async () => scheduling.stop());

const HOUR = 3600;
const WEEK_AND_A_HALF_HOUR = 7 * 24 * HOUR + HOUR / 2;

/** Numbers of the slots of each outcome. */
async function counted(rule: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await scheduling.outcomes(rule)) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

describe('exactly once', () => {
  it('makes one slot and one job of every instant when four processes compete', async () => {
    const rules = await Promise.all(Array.from({ length: 20 }, () => scheduling.rule()));
    await Promise.all(rules.map((rule) => scheduling.since(rule, 50)));
    // Ten ticks in each of four processes, as close together as they get.
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        scheduling.tick(index % 4).then(() => scheduling.batch((index + 1) % 4)),
      ),
    );
    for (const rule of rules) {
      const slots = await scheduling.slots(rule);
      expect(slots.length).toBeGreaterThanOrEqual(51);
      const first = slots[0]!.scheduled_for.getTime();
      expect(slots.map((slot) => slot.scheduled_for.getTime())).toEqual(
        slots.map((_, index) => first + index * 1000),
      );
      expect(slots.every((slot) => slot.outcome === 'fired')).toBe(true);
      const jobs = await scheduling.jobs(rule);
      expect(new Set(jobs.map(({ id }) => id))).toEqual(new Set(slots.map((slot) => slot.job_id)));
      expect(jobs).toHaveLength(slots.length);
      expect((await scheduling.row(rule)).run_count).toBe(slots.length);
    }
    await scheduling.sql('delete from schedule_rules');
  });

  it('makes no job of a slot that is in the ledger, even when the cursor is behind it', async () => {
    const rule = await scheduling.rule({ ruleType: 'interval', intervalSeconds: HOUR });
    await scheduling.since(rule, 10);
    await scheduling.tick();
    await scheduling.sql('update schedule_rules set next_run_at = anchor_at where id = $1', [rule]);
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired']);
    expect(await scheduling.jobs(rule)).toHaveLength(1);
    expect((await scheduling.row(rule)).run_count).toBe(1);
  });

  it('leaves nothing of a batch whose connection dies in the middle, and makes up for it at the next', async () => {
    const rules = [await scheduling.rule(), await scheduling.rule()];
    for (const rule of rules) await scheduling.since(rule, 3);
    const before = await scheduling.row(rules[0]!);
    await scheduling.sql(`
      create function die() returns trigger language plpgsql as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
    await scheduling.sql(`
      create trigger die after insert on schedule_slots for each row
      when (new.rule_id = '${rules[1]}') execute function die()`);
    await expect(scheduling.batch()).rejects.toThrow(/terminat/i);
    for (const rule of rules) expect(await scheduling.slots(rule)).toEqual([]);
    for (const rule of rules) expect(await scheduling.jobs(rule)).toEqual([]);
    expect((await scheduling.row(rules[0]!)).next_run_at).toEqual(before.next_run_at);
    await scheduling.sql('drop trigger die on schedule_slots');
    await scheduling.tick();
    for (const rule of rules) {
      const slots = await scheduling.slots(rule);
      expect(slots.length).toBeGreaterThanOrEqual(4);
      expect(await scheduling.jobs(rule)).toHaveLength(slots.length);
    }
    await scheduling.sql('delete from schedule_rules');
  });
});

describe('overlap', () => {
  it('skips while a job of the rule has not ended, and runs again afterwards', async () => {
    const rule = await scheduling.rule({ ruleType: 'interval', intervalSeconds: 30, overlapPolicy: 'skip' });
    await scheduling.since(rule, 45);
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired', 'skipped_overlap']);
    await scheduling.since(rule, 10);
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired', 'skipped_overlap', 'skipped_overlap']);
    await scheduling.endJobs(rule);
    await scheduling.since(rule, 5);
    await scheduling.tick();
    expect((await scheduling.outcomes(rule)).at(-1)).toBe('fired');
    expect(await scheduling.jobs(rule)).toHaveLength(2);
  });

  it('does not count a slot that was skipped towards maxRuns', async () => {
    const rule = await scheduling.rule({
      ruleType: 'interval',
      intervalSeconds: 20,
      overlapPolicy: 'skip',
      maxRuns: 2,
    });
    await scheduling.since(rule, 50);
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired', 'skipped_overlap', 'skipped_overlap']);
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 1, next_run_at: expect.any(Date) });
    await scheduling.endJobs(rule);
    await scheduling.since(rule, 5);
    await scheduling.tick();
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 2, next_run_at: null, is_active: true });
  });
});

describe('a week without a scheduler', () => {
  const hourly = { ruleType: 'interval', intervalSeconds: HOUR } as const;

  it.each([
    ['skip', 'skipped_missed', { skipped_missed: 169 }],
    ['run_once', 'fired', { skipped_missed: 168, fired: 1 }],
    ['run_all', 'fired', { fired: 169 }],
  ] as const)('%s ends with %s', async (missedPolicy, latest, expected) => {
    const rule = await scheduling.rule({ ...hourly, missedPolicy });
    await scheduling.since(rule, WEEK_AND_A_HALF_HOUR);
    await scheduling.tick();
    expect(await counted(rule)).toEqual(expected);
    const slots = await scheduling.slots(rule);
    expect(slots.at(-1)?.outcome).toBe(latest);
    expect(await scheduling.jobs(rule)).toHaveLength('fired' in expected ? expected.fired : 0);
    expect((await scheduling.row(rule)).next_run_at!.getTime()).toBe(
      slots.at(-1)!.scheduled_for.getTime() + HOUR * 1000,
    );
  });

  it('takes more slots than one transaction writes, without a hole', async () => {
    const rule = await scheduling.rule({ ruleType: 'interval', intervalSeconds: 60 });
    await scheduling.since(rule, 20 * HOUR + 90);
    expect(await scheduling.batch()).toBe(true);
    expect(await scheduling.slots(rule)).toHaveLength(200);
    await scheduling.tick();
    const slots = await scheduling.slots(rule);
    expect(slots.length).toBeGreaterThanOrEqual(1202);
    const first = slots[0]!.scheduled_for.getTime();
    expect(slots.every((slot, index) => slot.scheduled_for.getTime() === first + index * 60_000)).toBe(true);
    const last = slots.at(-1)!;
    expect(last.outcome).toBe('fired');
  });
});

describe('an end', () => {
  it('comes after maxRuns jobs', async () => {
    const rule = await scheduling.rule({ maxRuns: 3 });
    await scheduling.since(rule, 30);
    await scheduling.tick();
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired', 'fired', 'fired']);
    expect(await scheduling.row(rule)).toMatchObject({ run_count: 3, next_run_at: null });
  });

  it('comes with endsAt, which is included', async () => {
    const rule = await scheduling.rule({ endsAt: new Date('2099-01-01T00:00:00Z') });
    await scheduling.since(rule, 30);
    await scheduling.sql(
      `update schedule_rules set ends_at = anchor_at + interval '4 seconds' where id = $1`,
      [rule],
    );
    await scheduling.tick();
    expect(await scheduling.slots(rule)).toHaveLength(5);
    expect((await scheduling.row(rule)).next_run_at).toBeNull();
  });

  it('comes after the run of a once rule', async () => {
    const runAt = new Date('2099-01-01T00:00:00Z');
    const rule = await scheduling.rule({ ruleType: 'once', runAt });
    expect((await scheduling.row(rule)).next_run_at).toEqual(runAt);
    await scheduling.tick();
    expect(await scheduling.slots(rule)).toEqual([]);
    await scheduling.sql(
      `update schedule_rules set run_at = now() - interval '2 seconds', next_run_at = now() - interval '2 seconds' where id = $1`,
      [rule],
    );
    await scheduling.tick();
    expect(await scheduling.outcomes(rule)).toEqual(['fired']);
    expect((await scheduling.row(rule)).next_run_at).toBeNull();
  });
});

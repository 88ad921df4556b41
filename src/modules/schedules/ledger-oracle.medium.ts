import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../test/faults/random.js';
import { judgeLedger } from '../../../test/harness/ledger-verdict.js';
import { CHANGES, insertRules, sampleRule } from '../../../test/harness/rule-sample.js';
import { WallClock } from '../../../test/harness/schedule-oracle.js';
import { Scheduling } from '../../../test/harness/scheduling.js';
import { keepJournal } from '../../../test/harness/simulated-journal.js';
import { SimulatedWork } from '../../../test/harness/simulated-work.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const PROCESSES = 3;

/** A batch in whose middle connections of the process may be cut, as when it dies. */
async function batch(scheduling: Scheduling, random: Random): Promise<void> {
  const running = scheduling.batch(random.below(PROCESSES)).catch((error: unknown) => error);
  if (random.below(8) === 0)
    await scheduling.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and usename <> current_user and state <> 'idle'`,
    );
  const ended = await running;
  if (ended instanceof Error && !/terminat|connection|not queryable/i.test(ended.message)) throw ended;
}

/** Slots that wait for a job although none of their rule is open. */
const WAITS_FOR_NOTHING = `
  select s.rule_id, s.scheduled_for from schedule_slots s
   where s.outcome = 'waiting' and s.reason = 'previous_job'
     and not exists (select from jobs j where j.schedule_id = s.rule_id and j.completed_at is null and j.cancelled_at is null)`;

/** `npm run faults:schedules` is the same with real processes and many more rules. */
describe.each([
  { what: 'a day', change: 'gap', count: 80, days: 1, seed: 11 },
  { what: 'a day and a week without any scheduler', change: 'overlap', count: 70, days: 8, seed: 12 },
] as const)('$what, with a change ($change) in each of twelve zones', ({ change, count, days, seed }) => {
  const { from, zones } = CHANGES[change];
  const to = from + days * DAY;
  let scheduling: Scheduling;
  beforeAll(async () => {
    scheduling = await Scheduling.start(PROCESSES, new Date(from));
    await keepJournal(scheduling.pool);
  });
  afterAll(async () => scheduling.stop());

  it('leaves the ledger that the oracle says, whatever is cut and however late the ticks are', async () => {
    const random = new Random(seed);
    const clocks = new Map(zones.map((zone) => [zone as string, new WallClock(zone, from, to)]));
    for (const [zone, clock] of clocks) {
      const minutes = clock.changeIn(from, from + DAY);
      expect(change === 'gap' ? minutes : -minutes, zone).toBeGreaterThanOrEqual(30);
    }
    const owner = await scheduling.person();
    const rules = Array.from({ length: count }, () => sampleRule(random, zones, from));
    const template = { type: 'probe', payload: { label: 'x' } };
    const { text, values } = insertRules(rules, [owner.id], template, from);
    await scheduling.sql(text, values);
    const careful = rules.flatMap(({ id, overlapPolicy }) => (overlapPolicy === 'allow' ? [] : id));
    const work = new SimulatedWork(scheduling.pool, careful, random);
    await work.begin();
    let weeks = days - 1;
    for (let now = from; now < to;) {
      let step = random.between(1, 12) * random.of([1, 8, 8]) * MINUTE;
      if (random.below(25) === 0) step = random.between(2, 5) * HOUR;
      if (weeks > 0 && now > from + DAY / 2) step = weeks * DAY;
      if (step > DAY) weeks = 0;
      now = Math.min(to, now + step);
      await scheduling.setTime(new Date(now));
      const ended = await work.step(now, now === to);
      // Where nothing rings, the slot is looked at all the same.
      const told = ended.filter(() => now === to || random.below(2) === 0);
      if (told.length > 0) await scheduling.tell(told, ['completed']);
      const ticks = random.below(3);
      await Promise.all(Array.from({ length: ticks }, () => batch(scheduling, random)));
    }
    await scheduling.tick();
    expect(await scheduling.sql(WAITS_FOR_NOTHING)).toEqual([]);
    const verdict = await judgeLedger(scheduling.pool, rules, clocks, from, to);
    expect(verdict.details).toEqual([]);
    expect(verdict).toMatchObject({ missing: 0, invented: 0, duplicates: 0, wrong: 0 });
    expect(verdict.slots).toBeGreaterThan(count * 3);
    for (const outcome of ['fired', 'skipped_missed', 'skipped_overlap', 'excluded'])
      expect(verdict.outcomes[outcome], outcome).toBeGreaterThan(2);
    expect(verdict.waited).toBeGreaterThan(30);
    expect(verdict.stopped).toBeGreaterThan(2);
  });
});

describe('a clock that jumps', () => {
  const at = Date.UTC(2026, 5, 1, 12, 0, 30);
  let scheduling: Scheduling;
  beforeAll(async () => {
    scheduling = await Scheduling.start(2, new Date(at));
  });
  afterAll(async () => scheduling.stop());

  const ledger = async (rule: string) =>
    (await scheduling.slots(rule)).map((slot) => ({
      at: slot.scheduled_for.getTime(),
      outcome: slot.outcome,
    }));
  const hourly = { ruleType: 'cron', cronExpression: '0 * * * *', overlapPolicy: 'allow' } as const;

  it('back by an hour plans nothing twice, and nothing until it has come back', async () => {
    const rule = await scheduling.rule({
      ruleType: 'cron',
      cronExpression: '*/10 * * * *',
      overlapPolicy: 'allow',
    });
    const reached = at + 2 * HOUR;
    for (let now = at; now <= reached; now += 10 * MINUTE) {
      await scheduling.setTime(new Date(now));
      await scheduling.tick();
    }
    const before = await ledger(rule);
    expect(before).toHaveLength(12);
    for (let now = reached - HOUR; now < reached; now += 5 * MINUTE) {
      await scheduling.setTime(new Date(now));
      await scheduling.tick(1);
    }
    expect(await ledger(rule)).toEqual(before);
    await scheduling.setTime(new Date(reached + 10 * MINUTE));
    await scheduling.tick();
    const after = await ledger(rule);
    expect(after).toHaveLength(13);
    expect(after.map(({ at: instant }) => instant - after[0]!.at)).toEqual(
      after.map((_, index) => index * 10 * MINUTE),
    );
    expect(await scheduling.jobs(rule)).toHaveLength(13);
    await scheduling.sql('delete from schedule_rules');
  });

  it.each([
    ['skip', { skipped_missed: 7 * 24 - 1, fired: 1 }],
    ['run_once', { skipped_missed: 7 * 24 - 2, fired: 2 }],
    ['run_all', { fired: 7 * 24 }],
  ] as const)('ahead by a week is a downtime of a week: %s', async (missedPolicy, expected) => {
    await scheduling.setTime(new Date(at));
    const rule = await scheduling.rule({ ...hourly, missedPolicy });
    await scheduling.setTime(new Date(at + 7 * DAY));
    await scheduling.tick();
    const slots = await ledger(rule);
    expect(slots.map(({ at: instant }) => instant)).toEqual(
      Array.from({ length: 7 * 24 }, (_, index) => at - 30_000 + (index + 1) * HOUR),
    );
    const counts: Record<string, number> = {};
    for (const { outcome } of slots) counts[outcome] = (counts[outcome] ?? 0) + 1;
    // The last one is 30 s late and so not missed.
    expect(slots.at(-1)!.outcome).toBe('fired');
    expect(counts).toEqual(expected);
    expect(await scheduling.jobs(rule)).toHaveLength(expected.fired);
    await scheduling.sql('delete from schedule_rules');
  });

  it('ahead by a year leaves a ledger of the whole year, and runs once', async () => {
    await scheduling.setTime(new Date(at));
    const rule = await scheduling.rule({ ...hourly, missedPolicy: 'run_once' });
    await scheduling.setTime(new Date(at + 365 * DAY + 15 * MINUTE));
    await Promise.all([scheduling.tick(), scheduling.tick(1)]);
    await scheduling.tick();
    const slots = await ledger(rule);
    expect(slots).toHaveLength(365 * 24);
    expect(slots.every(({ at: instant }, index) => instant === slots[0]!.at + index * HOUR)).toBe(true);
    expect(slots.filter(({ outcome }) => outcome === 'fired')).toEqual([slots.at(-1)]);
    expect(await scheduling.jobs(rule)).toHaveLength(1);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../../test/harness/scheduling.js';
import { Metrics } from '../../../kernel/metrics/index.js';
import { SchedulerBeat } from './scheduler-beat.js';
import { SchedulerWatch } from './scheduler-watch.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start(3);
  // Looks of the timers would come between those of the tests.
  for (const app of scheduling.apps) await app.get(SchedulerWatch).beforeApplicationShutdown();
});
afterEach(async () => {
  await scheduling.sql('delete from schedule_rules');
  await scheduling.sql('delete from schedule_incidents');
  await scheduling.sql(`delete from events where channel = 'schedules'`);
});
afterAll(async () => scheduling.stop());

interface Part {
  readonly status: string;
  readonly detail?: string;
}

async function health(): Promise<{ status: string; part: Part }> {
  const answer = await scheduling.apps[0]!.inject({ method: 'GET', url: '/api/health' });
  expect(answer.statusCode).toBe(200);
  const { status, parts } = answer.json<{ status: string; parts: Record<string, Part> }>();
  return { status, part: parts['scheduler']! };
}

/** As if the scheduler had looked so many seconds ago. */
async function beaten(secondsAgo = 0): Promise<void> {
  await scheduling.sql('delete from schedulers');
  await scheduling.sql(
    `insert into schedulers (id, hostname, pid, beat_at) values (gen_random_uuid(), 'far', 1, clock_timestamp() - make_interval(secs => $1))`,
    [secondsAgo],
  );
}

let now = 0;
/** In every process, so many seconds after the last time. */
async function lookEverywhere(secondsLater = 10): Promise<void> {
  now += secondsLater * 1000;
  await Promise.all(scheduling.apps.map((app) => app.get(SchedulerWatch).look(now)));
}
const told = () =>
  scheduling.sql<{ type: string; data: Record<string, unknown>; subject_id: string }>(
    `select type, data, subject_id from events where channel = 'schedules' order by id`,
  );
const audited = async (id: string): Promise<string[]> =>
  (
    await scheduling.sql<{ action: string }>(
      'select action from audit_logs where resource_id = $1 order by id',
      [id],
    )
  ).map(({ action }) => action);

describe('the health', () => {
  it('is degraded while no scheduler has ever run', async () => {
    await scheduling.sql('delete from schedulers');
    expect(await health()).toMatchObject({
      status: 'degraded',
      part: { status: 'degraded', detail: expect.stringMatching(/^no scheduler has ever run/) },
    });
  });

  it('is well as soon as one beats, which it does at most every few seconds', async () => {
    await scheduling.sql('delete from schedulers');
    const beat = scheduling.apps[0]!.get(SchedulerBeat);
    await beat.beat();
    await beat.beat();
    expect(await scheduling.sql('select * from schedulers')).toMatchObject([{ pid: process.pid }]);
    expect((await health()).part).toMatchObject({ status: 'ok' });
  });

  it('is degraded when nobody has looked for more than a minute', async () => {
    await beaten(50);
    expect((await health()).part.status).toBe('ok');
    await beaten(3 * 3600);
    expect((await health()).part).toMatchObject({
      status: 'degraded',
      detail: expect.stringMatching(/^no scheduler has looked for 3 h: start a process/),
    });
  });

  it('is degraded when schedules are late although somebody beats', async () => {
    await beaten();
    const rules = [await scheduling.rule(), await scheduling.rule()];
    for (const rule of rules) await scheduling.since(rule, 50);
    expect((await health()).part.status).toBe('ok');
    for (const rule of rules) await scheduling.since(rule, 90);
    expect((await health()).part.detail).toMatch(
      /^the oldest due schedule is 9\d s late \(2 are later than 60 s\)$/,
    );
    await scheduling.tick();
    expect((await health()).part.status).toBe('ok');
  });

  it('sees pauses that should have ended, and neither paused nor ended rules', async () => {
    await beaten();
    const rule = await scheduling.rule();
    await scheduling.since(rule, 600);
    await scheduling.sql('update schedule_rules set is_active = false where id = $1', [rule]);
    expect((await health()).part.status).toBe('ok');
    await scheduling.sql(
      `update schedule_rules set paused_until = now() - interval '10 minutes' where id = $1`,
      [rule],
    );
    expect((await health()).part.detail).toMatch(/is 10 min late \(1 are/);
    await scheduling.sql(
      'update schedule_rules set next_run_at = null, paused_until = null, is_active = true',
    );
    expect((await health()).part.status).toBe('ok');
  });
});

describe('a late schedule', () => {
  it('says so itself, and is found', async () => {
    const owner = await scheduling.person();
    const [late, onTime] = [await scheduling.rule({ owner }), await scheduling.rule({ owner })];
    await scheduling.since(late, 125);
    const one = await scheduling.call('GET', `/schedules/${late}`, { as: owner });
    const { overdueSeconds } = one.body as unknown as { overdueSeconds: number };
    expect(overdueSeconds).toBeGreaterThanOrEqual(125);
    expect(overdueSeconds).toBeLessThan(185);
    const ids = async (search: string, as = owner) =>
      (await scheduling.call('GET', `/schedules${search}`, { as })).body.items.map(({ id }) => id);
    expect(await ids('')).toEqual([onTime, late]);
    expect(await ids('?overdue=true')).toEqual([late]);
    expect(await ids('?overdue=true&all=true', await scheduling.person('admin'))).toEqual([late]);
    expect((await scheduling.call('GET', '/schedules?overdue=maybe', { as: owner })).status).toBe(400);
    await scheduling.sql('update schedule_rules set is_active = false');
    const paused = await scheduling.call('GET', `/schedules/${late}`, { as: owner });
    expect(paused.body).toMatchObject({ overdueSeconds: 0 });
  });
});

describe('an incident', () => {
  it('is told once, however many processes see it and however often, and once when it is over', async () => {
    await beaten();
    await lookEverywhere();
    await beaten(120);
    await lookEverywhere();
    expect(await told()).toEqual([]);
    for (let looks = 0; looks < 3; looks += 1) await lookEverywhere();
    const [stalled, ...others] = await told();
    expect(others).toEqual([]);
    expect(stalled).toMatchObject({
      type: 'scheduler.stalled',
      data: { reason: expect.stringMatching(/^no scheduler has looked for 2 min/) },
    });
    expect(await audited(stalled!.subject_id)).toEqual(['scheduler.stalled']);

    await beaten(45);
    await lookEverywhere();
    expect(await told()).toHaveLength(1);
    await beaten();
    for (let looks = 0; looks < 2; looks += 1) await lookEverywhere();
    const all = await told();
    expect(all.map(({ type }) => type)).toEqual(['scheduler.stalled', 'scheduler.recovered']);
    expect(all[1]).toMatchObject({
      subject_id: stalled!.subject_id,
      data: { seconds: expect.any(Number) },
    });
    expect(await audited(stalled!.subject_id)).toEqual(['scheduler.stalled', 'scheduler.recovered']);

    await beaten(120);
    for (let looks = 0; looks < 2; looks += 1) await lookEverywhere();
    expect((await told()).map(({ type }) => type)).toEqual([
      'scheduler.stalled',
      'scheduler.recovered',
      'scheduler.stalled',
    ]);
    await beaten();
    await lookEverywhere();
  });

  it('is not told of what the first tick after a downtime puts right', async () => {
    await beaten();
    const rule = await scheduling.rule({ ruleType: 'interval', intervalSeconds: 3600 });
    await scheduling.since(rule, 7 * 24 * 3600);
    await lookEverywhere();
    await scheduling.tick();
    await lookEverywhere();
    await scheduling.since(rule, 7 * 24 * 3600);
    await lookEverywhere();
    expect(await told()).toEqual([]);
    await scheduling.tick();
    await lookEverywhere();
  });

  it('is not told of schedulers that are just being started, and of none that never come in due time', async () => {
    const fresh = await Scheduling.start();
    const watch = fresh.apps[0]!.get(SchedulerWatch);
    await watch.beforeApplicationShutdown();
    const incidents = () => fresh.sql('select * from schedule_incidents');
    for (const seconds of [0, 20, 40, 59]) await watch.look(seconds * 1000);
    expect(await incidents()).toEqual([]);
    await watch.look(60_000);
    expect(await incidents()).toMatchObject([
      { reason: expect.stringMatching(/^no scheduler has ever run/) },
    ]);
    await fresh.stop();
  });
});

it('is told at /metrics, without a label for every rule', async () => {
  await beaten(20);
  const rule = await scheduling.rule();
  await scheduling.since(rule, 90);
  const text = await scheduling.apps[0]!.get(Metrics).exposition();
  const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
  expect(value('steward_schedules_schedulers')).toBe(0);
  expect(value('steward_schedules_silent_seconds')).toBeGreaterThanOrEqual(20);
  expect(value('steward_schedules_oldest_overdue_seconds')).toBeGreaterThanOrEqual(90);
  expect(value('steward_schedules_overdue')).toBe(1);
  expect(text).not.toContain(rule);
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling, type Person } from '../../../test/harness/scheduling.js';
import { MINUTELY, SchedulesClient, wrong } from '../../../test/harness/schedules-client.js';

let scheduling: Scheduling;
let client: SchedulesClient;
let ann: Person;

beforeAll(async () => {
  scheduling = await Scheduling.start(2);
  ann = await scheduling.person();
  client = new SchedulesClient(scheduling, ann);
});
afterAll(async () => scheduling.stop());

const fragile = (more: object = {}): Promise<string> =>
  client.created({ ...MINUTELY, overlapPolicy: 'allow', pauseAfterFailures: 3, ...more });

const pauses = async (id: string): Promise<unknown[]> =>
  (
    await scheduling.sql<{ details: object }>(
      `select details from audit_logs where resource_id = $1 and action = 'schedule.pause' order by id`,
      [id],
    )
  ).map(({ details }) => details);

const told = (id: string): Promise<object[]> =>
  scheduling.sql(
    `select channel, user_id, data from events where subject_id = $1 and type = 'schedule.paused'`,
    [id],
  );

describe('failures in a row', () => {
  it('pause a schedule, with a reason, an audit line and an event for its owner', async () => {
    const id = await fragile({ name: 'Nachts 🌙' });
    await scheduling.tell(id, ['failed']);
    await scheduling.tell(id, ['failed']);
    expect((await client.get(`/${id}`)).body).toMatchObject({ isActive: true, failureStreak: 2 });
    await scheduling.tell(id, ['failed']);
    expect((await client.get(`/${id}`)).body).toMatchObject({
      isActive: false,
      failureStreak: 3,
      nextRunAt: null,
      pausedNote: 'It has failed 3 times in a row.',
      pausedBy: null,
    });
    expect(await pauses(id)).toEqual([{ reason: 'failures', failures: 3 }]);
    const note = 'It has failed 3 times in a row.';
    expect(await told(id)).toEqual([
      { channel: 'schedules', user_id: ann.id, data: { name: 'Nachts 🌙', reason: 'failures', note } },
    ]);
    // Those that end later change nothing any more.
    await scheduling.tell(id, ['failed', 'failed']);
    expect(await pauses(id)).toHaveLength(1);
    const resumed = await client.post(`/${id}/resume`);
    expect(resumed.body).toMatchObject({ isActive: true, failureStreak: 0, pausedNote: null });
    await scheduling.tell(id, ['failed', 'failed']);
    expect((await client.get(`/${id}`)).body).toMatchObject({ isActive: true, failureStreak: 2 });
  });

  it.each<[('completed' | 'failed' | 'cancelled')[], number, boolean]>([
    [['failed', 'failed', 'completed', 'failed'], 1, true],
    [['failed', 'cancelled', 'failed', 'cancelled'], 2, true],
    [['completed', 'completed'], 0, true],
    [['failed', 'failed', 'failed', 'completed'], 3, false],
    [['failed', 'cancelled', 'failed', 'failed', 'failed'], 3, false],
  ])('of %j in one batch are %i', async (ends, streak, isActive) => {
    const id = await fragile();
    await scheduling.tell(id, ends);
    expect((await client.get(`/${id}`)).body).toMatchObject({ failureStreak: streak, isActive });
  });

  it('are the ends of jobs and slots that could make none, together', async () => {
    const id = await fragile();
    await scheduling.since(id, 5);
    await scheduling.tick();
    await scheduling.finishJobs(id, 'failed');
    await scheduling.sql('delete from schedule_slots where rule_id = $1', [id]);
    await scheduling.sql(`update schedule_rules set job_template = '{"type": "gone"}' where id = $1`, [id]);
    await scheduling.since(id, 65);
    await scheduling.tick();
    expect(await scheduling.row(id)).toMatchObject({
      is_active: false,
      failure_streak: 3,
      next_run_at: null,
    });
    expect(await scheduling.outcomes(id)).toEqual(['failed', 'failed']);
    expect(await pauses(id)).toEqual([{ reason: 'failures', failures: 3 }]);
  });

  it('stop what still waits', async () => {
    const id = await fragile({ overlapPolicy: 'queue_one', missedPolicy: 'run_all', pauseAfterFailures: 1 });
    await scheduling.since(id, 65);
    await scheduling.tick();
    expect(await scheduling.outcomes(id)).toEqual(['fired', 'waiting']);
    await scheduling.finishJobs(id, 'failed');
    await scheduling.tick();
    expect((await scheduling.slots(id)).map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['fired', null],
      ['paused', 'failures'],
    ]);
    expect(await scheduling.jobs(id)).toHaveLength(1);
    expect((await client.get(`/${id}`)).body).toMatchObject({ pausedNote: 'It has failed once.' });
  });

  it('are not counted for a schedule that does not ask for it', async () => {
    const id = await client.created();
    await scheduling.tell(id, ['failed', 'failed']);
    expect((await client.get(`/${id}`)).body).toMatchObject({ isActive: true, failureStreak: 0 });
    expect((await client.patch(id, { pauseAfterFailures: 2 })).body).toMatchObject({ pauseAfterFailures: 2 });
    await scheduling.tell(id, ['failed', 'failed']);
    expect((await client.get(`/${id}`)).body).toMatchObject({ isActive: false });
    expect((await client.patch(id, { pauseAfterFailures: null })).body).toMatchObject({
      pauseAfterFailures: null,
    });
  });

  it('of a schedule that is gone are nothing', async () => {
    const id = await fragile();
    await client.remove(id);
    await scheduling.tell(id, ['failed', 'failed', 'failed']);
    expect(await told(id)).toEqual([]);
  });

  it.each([0, -1, 1.5, 1001, '3', true])('cannot be %j', async (pauseAfterFailures) => {
    const answer = wrong(await client.post('', { ...MINUTELY, pauseAfterFailures }));
    expect(answer.status).toBe(400);
    expect(answer.errors.map(([pointer]) => pointer)).toEqual(['/pauseAfterFailures']);
  });
});

describe('a timing that cannot be read any more', () => {
  it('is told its owner, too', async () => {
    const id = await client.created();
    await scheduling.since(id, 5);
    await scheduling.sql(`update schedule_rules set timezone = 'Atlantis/Capital' where id = $1`, [id]);
    await scheduling.tick();
    expect(await told(id)).toMatchObject([{ user_id: ann.id, data: { reason: 'timing_invalid' } }]);
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { ScheduleView } from '../../src/modules/schedules/index.js';
import type { SlotView } from '../../src/modules/schedules/schedules.schema.js';
import { TestJobsModule } from '../factories/jobs.js';
import { Gauge, LimitedJobsModule } from '../factories/limited-jobs.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { Client } from '../harness/client.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { JobWorld } from '../harness/job-world.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

interface Items<T> {
  readonly items: readonly T[];
}

const EVERY_SECOND = { ruleType: 'interval', intervalSeconds: 1 } as const;

describeOnBothQueues('schedules of real jobs', (redis) => {
  let world: JobWorld;
  beforeAll(async () => {
    world = await JobWorld.start({ redisUrl: redis, modules: [TestJobsModule, LimitedJobsModule] });
  });
  afterAll(() => world.stop());

  const make = async (body: object): Promise<string> => {
    const { status, body: rule } = await world.app.call<ScheduleView>('POST', '/api/schedules', {
      body: { name: 'e2e', ...EVERY_SECOND, ...body },
    });
    if (status !== 201) throw new Error(JSON.stringify(rule));
    return rule.id;
  };
  const get = async (id: string): Promise<ScheduleView> =>
    (await world.app.call<ScheduleView>('GET', `/api/schedules/${id}`)).body;
  const slots = async (id: string, search = ''): Promise<readonly SlotView[]> =>
    (await world.app.call<Items<SlotView>>('GET', `/api/schedules/${id}/slots?limit=100${search}`)).body
      .items;
  const fired = (id: string, count: number): Promise<readonly SlotView[]> =>
    until(
      async () => {
        const found = await slots(id, '&outcome=fired');
        return found.length >= count ? found : null;
      },
      { describe: `${count} fired slots` },
    );
  const stop = (id: string) => world.app.call('POST', `/api/schedules/${id}/pause`, { body: {} });

  it('let one wait for the other, and never run two at once', async () => {
    const jobTemplate = { type: 'test-keyed', payload: { key: 'queue', ms: 1_300 } };
    const id = await make({ overlapPolicy: 'queue_one', jobTemplate });
    const found = await fired(id, 4);
    expect(world.app.get(Gauge).mostOf('Keyed queue')).toBe(1);
    // Later ones had to wait, and the ledger says how long.
    expect(Math.max(...found.map(({ lagMs }) => lagMs ?? 0))).toBeGreaterThan(250);
    expect(new Set(found.map(({ jobId }) => jobId)).size).toBe(found.length);
    await stop(id);
  });

  it('cancel the one before, which has ended when the next one begins', async () => {
    const jobTemplate = { type: 'test-keyed', payload: { key: 'cancel', ms: 60_000 } };
    const id = await make({ overlapPolicy: 'cancel_previous', jobTemplate });
    const found = await fired(id, 3);
    expect(world.app.get(Gauge).mostOf('Keyed cancel')).toBeLessThanOrEqual(1);
    const ended = await world.app.call<JobView>('GET', `/api/jobs/${found.at(-1)!.jobId}`);
    expect(ended.body).toMatchObject({ status: 'cancelled' });
    await stop(id);
    await world.app.call('POST', '/api/jobs/bulk-actions', {
      body: { action: 'cancel', filter: { scheduleId: id } },
    });
  });

  it('pause themselves after failures in a row, and tell their owner', async () => {
    const jobTemplate = { type: 'test-refused', payload: {} };
    const id = await make({ overlapPolicy: 'queue_one', pauseAfterFailures: 3, jobTemplate });
    const rule = await until(
      async () => {
        const one = await get(id);
        return one.isActive ? null : one;
      },
      { describe: 'the pause' },
    );
    expect(rule).toMatchObject({
      failureStreak: 3,
      pausedNote: 'It has failed 3 times in a row.',
      nextRunAt: null,
    });
    const { body } = await world.app.call<Items<JobView>>('GET', `/api/jobs?scheduleId=${id}&limit=100`);
    expect(body.items.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    const notice = await until(
      async () => {
        const answer = await world.app.call<Items<{ data: { scheduleId?: string } }>>(
          'GET',
          '/api/notifications?type=schedule.paused',
        );
        return answer.body.items.find(({ data }) => data.scheduleId === id) ?? null;
      },
      { describe: 'the notification' },
    );
    expect(notice).toMatchObject({ priority: 'high', data: { reason: 'failures' } });
  });
});

describe('killed schedulers', () => {
  const PASSWORD = 'the password of the tests';
  let database: TestDatabase;
  let directory: { path: string; remove: () => Promise<void> };
  let processes: StewardProcess[];

  beforeEach(async () => {
    database = await createTestDatabase();
    directory = await scratch();
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await database.drop();
    await directory.remove();
  });

  const start = (): StewardProcess => {
    const one = StewardProcess.spawn({
      DATABASE_URL: database.url,
      STEWARD_DATA_DIR: directory.path,
      STEWARD_SECRET: 'one signing secret for every process of the test',
      STEWARD_ADMIN_PASSWORD: PASSWORD,
    });
    processes.push(one);
    return one;
  };

  it('leave a ledger without a hole, and no two jobs of a rule side by side', async () => {
    const stays = start();
    const client = await Client.login(await stays.url(), 'admin@steward.local', PASSWORD);
    const make = (overlapPolicy: string): Promise<ScheduleView> =>
      client.call<ScheduleView>('POST', '/api/schedules', {
        name: overlapPolicy,
        ...EVERY_SECOND,
        overlapPolicy,
        missedPolicy: 'run_all',
        jobTemplate: { type: 'cleanup', payload: { dryRun: true } },
      });
    const rules = [await make('queue_one'), await make('cancel_previous'), await make('skip')];
    const slotsOf = async (id: string): Promise<readonly SlotView[]> =>
      (await client.call<Items<SlotView>>('GET', `/api/schedules/${id}/slots?limit=100`)).items.toSorted(
        (a, b) => Date.parse(a.scheduledFor) - Date.parse(b.scheduledFor),
      );
    for (let round = 1; round <= 2; round += 1) {
      const dies = start();
      await dies.url();
      await until(async () => (await slotsOf(rules[0]!.id)).length >= round * 5, {
        describe: `slots of round ${round}`,
      });
      await dies.end('SIGKILL');
    }
    for (const { id } of rules) await client.call('POST', `/api/schedules/${id}/pause`, {});
    for (const { id, overlapPolicy } of rules) {
      const slots = await slotsOf(id);
      const first = Date.parse(slots[0]!.scheduledFor);
      expect(slots.map(({ scheduledFor }) => (Date.parse(scheduledFor) - first) / 1000)).toEqual(
        slots.map((_, index) => index),
      );
      const jobIds = slots.flatMap(({ jobId }) => jobId ?? []);
      expect([overlapPolicy, new Set(jobIds).size]).toEqual([overlapPolicy, jobIds.length]);
      expect(jobIds.length).toBeGreaterThan(1);
      const jobs: JobView[] = [];
      for (const jobId of jobIds)
        jobs.push(
          await until(
            async () => {
              const job = await client.call<JobView>('GET', `/api/jobs/${jobId}`);
              return (job.completedAt ?? job.cancelledAt) ? job : null;
            },
            { describe: 'the job to end' },
          ),
        );
      // The one after it was made when it had ended.
      const ordered = jobs.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
      const early = ordered.slice(1).filter((job, index) => {
        const before = ordered[index]!;
        return Date.parse(job.createdAt) < Date.parse(before.completedAt ?? before.cancelledAt ?? '');
      });
      expect([overlapPolicy, early]).toEqual([overlapPolicy, []]);
    }
  });
});

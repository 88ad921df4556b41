import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { rclonePresent } from '../harness/capabilities.js';
import { Client } from '../harness/client.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const PASSWORD = 'the password of the tests';
const SECRET = 'one signing secret for every process of the test';

interface Items<T> {
  readonly items: readonly T[];
}

describe.skipIf(!rclonePresent())('with rclone', () => {
  describeOnBothQueues('processes', (redis) => {
    let database: TestDatabase;
    let directory: { path: string; remove: () => Promise<void> };
    let processes: StewardProcess[];

    beforeEach(async () => {
      database = await createTestDatabase();
      directory = await scratch();
      processes = [];
      for (const folder of ['files/from', 'files/to'])
        await mkdir(path.join(directory.path, folder), { recursive: true });
    });
    afterEach(async () => {
      await Promise.all(processes.map((one) => one.end('SIGKILL')));
      await database.drop();
      await directory.remove();
    });

    const start = (more: Record<string, string> = {}): StewardProcess => {
      const one = StewardProcess.spawn({
        DATABASE_URL: database.url,
        REDIS_URL: redis,
        STEWARD_DATA_DIR: directory.path,
        STEWARD_SECRET: SECRET,
        STEWARD_ADMIN_PASSWORD: PASSWORD,
        ...more,
      });
      processes.push(one);
      return one;
    };
    const login = async (one: StewardProcess): Promise<Client> =>
      Client.login(await one.url(), 'admin@steward.local', PASSWORD);
    const remote = async (client: Client, folder: string): Promise<string> => {
      const root = path.join(directory.path, 'files', folder);
      return (
        await client.call<{ id: string }>('POST', '/api/remotes', { name: folder, type: 'local', root })
      ).id;
    };
    const copyPayload = async (client: Client, options?: object): Promise<object> => ({
      source: { remoteId: await remote(client, 'from'), path: '/' },
      destination: { remoteId: await remote(client, 'to'), path: '/' },
      ...(options ? { options } : {}),
    });

    it('finishes a copy after kill -9 of the only process, with one recorded end', async () => {
      const bytes = randomBytes(40_000_000);
      await writeFile(path.join(directory.path, 'files/from/one.bin'), bytes);
      const first = start();
      const client = await login(first);
      const payload = await copyPayload(client, { bandwidthLimit: 10_000_000 });
      const { id } = await client.call<JobView>('POST', '/api/jobs', { type: 'copy', payload });
      await until(async () => (await client.call<JobView>('GET', `/api/jobs/${id}`)).progress > 20, {
        describe: 'the copy to be under way',
      });
      await first.end('SIGKILL');
      const again = await login(start());
      const done = await until(
        async () => {
          const job = await again.call<JobView>('GET', `/api/jobs/${id}`);
          return job.status === 'completed' ? job : null;
        },
        { describe: 'the job to finish' },
      );
      expect(done).toMatchObject({ crashCount: 1, retryCount: 0, progress: 100 });
      expect((await readFile(path.join(directory.path, 'files/to/one.bin'))).equals(bytes)).toBe(true);
      const told = await until(
        async () => {
          const { items } = await again.call<Items<{ type: string }>>('GET', '/api/notifications');
          return items.length > 0 ? items : null;
        },
        { describe: 'the notification' },
      );
      expect(told.map(({ type }) => type)).toEqual(['job.completed']);
    });

    it('fires each instant of a rule once although two processes tick', async () => {
      await writeFile(path.join(directory.path, 'files/from/small.txt'), 'small');
      const [one, other] = [start(), start()];
      const client = await login(one);
      const far = client.at(await other.url());
      const rule = await far.call<{ id: string }>('POST', '/api/schedules', {
        name: 'every second',
        ruleType: 'interval',
        intervalSeconds: 1,
        maxRuns: 10,
        overlapPolicy: 'allow',
        jobTemplate: { type: 'copy', payload: await copyPayload(far) },
      });
      const jobs = await until(
        async () => {
          const { items } = await client.call<Items<JobView>>(
            'GET',
            `/api/jobs?scheduleId=${rule.id}&status=completed&limit=100`,
          );
          return items.length >= 10 ? items : null;
        },
        { describe: 'ten completed jobs' },
      );
      const slots = await client.call<Items<{ scheduledFor: string; outcome: string; jobId: string }>>(
        'GET',
        `/api/schedules/${rule.id}/slots?limit=100`,
      );
      const instants = slots.items
        .map(({ scheduledFor }) => Date.parse(scheduledFor))
        .toSorted((a, b) => a - b);
      expect(instants.map((at, index) => at - (instants[0] ?? 0) - index * 1000)).toEqual(
        instants.map(() => 0),
      );
      expect(slots.items.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 10 }, () => 'fired'));
      expect(slots.items.map(({ jobId }) => jobId).toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
    });

    it('splits the roles: one process serves, one works, one schedules', async () => {
      await writeFile(path.join(directory.path, 'files/from/small.txt'), 'small');
      const api = start({ STEWARD_ROLE: 'api' });
      const client = await login(api);
      const payload = await copyPayload(client);
      const { id } = await client.call<JobView>('POST', '/api/jobs', { type: 'copy', payload });
      const scheduler = start({ STEWARD_ROLE: 'scheduler' });
      await scheduler.running();
      expect((await client.call<JobView>('GET', `/api/jobs/${id}`)).startedAt).toBeNull();
      const stream = await client.request('GET', `/api/jobs/${id}/events`);
      const worker = start({ STEWARD_ROLE: 'worker' });
      const text = await stream.text();
      expect(text.match(/^event: .*$/gm)?.at(0)).toBe('event: snapshot');
      expect(text.match(/^event: .*$/gm)?.at(-1)).toBe('event: end');
      expect(text).toContain('"status":"completed"');
      const exits = await Promise.all([worker, scheduler, api].map((one) => one.end('SIGTERM')));
      expect(exits.map(({ code }) => code)).toEqual([0, 0, 0]);
    });

    it('ends on SIGTERM in good time although streams and idle connections are open', async () => {
      const one = start();
      const client = await login(one);
      const stream = await client.request('GET', '/api/events?channels=jobs');
      await client.call('GET', '/api/users/me'); // leaves a keep-alive connection
      const began = performance.now();
      const { code } = await one.end('SIGTERM');
      expect(code).toBe(0);
      expect(performance.now() - began).toBeLessThan(20_000);
      await stream.text();
    });
  });
});

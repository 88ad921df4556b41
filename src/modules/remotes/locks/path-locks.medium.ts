import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import { Database } from '../../../kernel/database/index.js';
import { JobsService, type JobFence } from '../../jobs/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import { parseRemotePath } from '../remote-path.js';
import { lockPlaces } from './lock-places.js';
import { PathLocks } from './path-locks.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ environment: { STEWARD_ROLE: 'api' } });
});
afterAll(() => app.stop());

const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  withClient(app.settings.databaseUrl ?? '', async (client) => (await client.query<T>(text, values)).rows);

const sftp: EngineRemote = { id: randomUUID(), type: 'sftp', root: '', version: 1, options: {}, parts: [] };

async function running(leaseEpoch = 1): Promise<JobFence> {
  const jobId = randomUUID();
  await sql(
    `insert into jobs (id, type, queue, payload, status, lease_epoch, worker_id, created_at, started_at)
     values ($1, 'copy', 'files', '{}', 'running', $2, gen_random_uuid(), now(), clock_timestamp())`,
    [jobId, leaseEpoch],
  );
  return { jobId, leaseEpoch };
}

/** What it has to wait for; null: it has its places. */
async function take(
  fence: JobFence,
  path: string,
  {
    writes = true,
    remote = sftp,
    most = 100,
  }: { writes?: boolean; remote?: EngineRemote; most?: number } = {},
): Promise<string | null> {
  return app
    .get(Database)
    .system('a test')
    .tx(async (tx) => {
      await app.get(JobsService).hold(tx, fence);
      return app.get(PathLocks).take(tx, {
        fence,
        places: lockPlaces(remote, parseRemotePath(path), writes).map((place) => ({ ...place, label: path })),
        counts: [{ scope: `count ${remote.id}`, most, label: 'there' }],
      });
    });
}
const leave = (fence: JobFence): Promise<void> => app.get(PathLocks).release(fence);
const fresh = (): EngineRemote => ({ ...sftp, id: randomUUID() });

it('keeps writers from each other and from readers, and says who is there', async () => {
  const remote = fresh();
  const [one, other, third] = [await running(), await running(), await running()];
  expect(await take(one, '/a', { remote })).toBeNull();
  expect(await take(other, '/a/b', { remote })).toBe(
    `It waits for the job ${one.jobId}, which writes at /a/b.`,
  );
  expect(await take(other, '/', { remote, writes: false })).toContain(one.jobId);
  expect(await take(other, '/c', { remote })).toBeNull();
  await leave(one);
  expect(await take(one, '/a', { remote, writes: false })).toBeNull();
  expect(await take(third, '/a/b', { remote, writes: false })).toBeNull();
  expect(await take(await running(), '/a', { remote })).toContain('which reads at /a');
});

it('counts for nothing once its attempt has lost its job', async () => {
  const remote = fresh();
  const dead = await running();
  expect(await take(dead, '/a', { remote })).toBeNull();
  await sql(`update jobs set lease_epoch = 2 where id = $1`, [dead.jobId]);
  expect(await take(await running(), '/a', { remote })).toBeNull();
  const rows = await sql(`select from path_locks where job_id = $1`, [dead.jobId]);
  expect(rows).toEqual([]);
  await expect(take(dead, '/b', { remote })).rejects.toThrow('Another attempt');
});

it('keeps nothing of an attempt of the same job before', async () => {
  const remote = fresh();
  const first = await running();
  expect(await take(first, '/a', { remote })).toBeNull();
  await sql(`update jobs set lease_epoch = 2 where id = $1`, [first.jobId]);
  expect(await take({ ...first, leaseEpoch: 2 }, '/a', { remote })).toBeNull();
  // The old attempt ends late, and takes nothing from its successor.
  await leave(first);
  expect(await take(await running(), '/a', { remote })).toContain(first.jobId);
});

it('lets no more attempts in than are counted', async () => {
  const remote = fresh();
  const jobs = await Promise.all(Array.from({ length: 3 }, () => running()));
  expect(await take(jobs[0]!, '/a', { remote, most: 2 })).toBeNull();
  expect(await take(jobs[1]!, '/b', { remote, most: 2 })).toBeNull();
  expect(await take(jobs[2]!, '/c', { remote, most: 2 })).toBe(
    'It waits until fewer than 2 file jobs run there.',
  );
  await leave(jobs[0]!);
  expect(await take(jobs[2]!, '/c', { remote, most: 2 })).toBeNull();
});

it('gives a place to one of many who ask at the same moment, in whatever order they name theirs', async () => {
  const remotes = [fresh(), fresh()];
  const through = (first: EngineRemote, second: EngineRemote): EngineRemote => ({
    ...sftp,
    id: randomUUID(),
    type: 'union',
    parts: [first, second].map((remote) => ({
      remote,
      path: parseRemotePath('/'),
      name: null,
      readOnly: false,
    })),
  });
  const unions = [through(remotes[0]!, remotes[1]!), through(remotes[1]!, remotes[0]!)];
  for (let round = 0; round < 5; round++) {
    const jobs = await Promise.all(Array.from({ length: 12 }, () => running()));
    const answers = await Promise.all(
      jobs.map((fence, index) => take(fence, '/same', { remote: unions[index % 2]! })),
    );
    const winner = jobs[answers.indexOf(null)]!;
    const losers = answers.filter((answer) => answer !== null);
    expect(losers).toHaveLength(11);
    expect(losers.filter((answer) => !answer.includes(winner.jobId))).toEqual([]);
    await Promise.all(jobs.map(leave));
  }
});

it('wakes those who wait, and no others, when somebody leaves', async () => {
  const remote = fresh();
  const [one, waiting, other] = [await running(), await running(), await running()];
  await take(one, '/a', { remote });
  await take(waiting, '/a', { remote });
  await take(other, '/a', { remote: fresh() });
  await sql(
    `update jobs set status = 'pending', worker_id = null, run_at = now() + interval '1 hour', error = 'waits', error_code = 'postponed'
      where id = any($1::uuid[])`,
    [[waiting.jobId, other.jobId]],
  );
  await leave(one);
  const due = await sql<{ id: string }>(
    `select id from jobs where id = any($1::uuid[]) and (run_at is null or run_at < now() + interval '1 minute')`,
    [[waiting.jobId, other.jobId]],
  );
  expect(due.map(({ id }) => id)).toEqual([waiting.jobId]);
  const rows = await sql(`select from path_locks where job_id = any($1::uuid[])`, [
    [one.jobId, waiting.jobId],
  ]);
  expect(rows).toEqual([]);
});

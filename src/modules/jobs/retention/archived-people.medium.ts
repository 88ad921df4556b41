import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { idIn, plantJobs } from '../../../../test/harness/old-months.js';
import { RetentionWorld } from '../../../../test/harness/retention.js';
import { FileStore } from '../../../kernel/storage/index.js';
import { AccountHooks, ErasuresService } from '../../users/index.js';
import type { JobContext } from '../definition/define-job.js';
import { ArchivesRepository } from './archives.repository.js';
import { CleanupJob } from './cleanup.job.js';
import { RewriteArchivesJob } from './rewrite-archives.job.js';

let world: RetentionWorld;
beforeEach(async () => {
  world = await RetentionWorld.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.stop();
});

const SYSTEM = { type: 'system', name: 'test' } as const;
const context = (): JobContext => ({
  jobId: idIn(world.month),
  actor: SYSTEM,
  retryCount: 0,
  signal: new AbortController().signal,
  fence: { jobId: '', leaseEpoch: 1 },
  progress: () => undefined,
  log: () => undefined,
});

async function jobsOfType(type: string): Promise<{ user_id: string | null }[]> {
  const { rows } = await world.client.query<{ user_id: string | null }>(
    `select user_id from jobs where type = $1`,
    [type],
  );
  return rows;
}

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of world.get(FileStore).list('archives/')) found.push(key);
  return found;
}

it('somebody erased is taken out of the archives, and nobody else', async () => {
  const [ann, bob] = [await world.user(), await world.user()];
  const ids = [idIn(world.month, 1), idIn(world.month, 2), idIn(world.month, 3)];
  await plantJobs(world.client, [
    { id: ids[0]!, userId: ann, payload: { secret: 'of Ann' } },
    { id: ids[1]!, userId: bob },
    { id: ids[2]! },
  ]);
  await world.run('jobs');
  const before = await keys();

  await world.get(ErasuresService).erase(SYSTEM, ann);
  const { rows } = await world.client.query(`select from archive_people where user_id = $1`, [ann]);
  expect(rows).toEqual([]);
  expect(await jobsOfType('rewrite-archives')).toEqual([{ user_id: null }]);

  expect(await world.get(RewriteArchivesJob).run(context())).toEqual({ archives: 1, rows: 1 });
  expect((await world.archived()).map(({ id }) => id)).toEqual([ids[1], ids[2]]);
  const after = await keys();
  expect([after.length, after.some((key) => before.includes(key))]).toEqual([1, false]);
  expect((await world.archives()).map(({ key, rows: left }) => [key, left])).toEqual([[after[0], 2]]);
  expect(await world.get(RewriteArchivesJob).run(context())).toEqual({ archives: 0, rows: 0 });
});

it('somebody erased while their jobs are being archived is not in the archive', async () => {
  const [ann, bob] = [await world.user(), await world.user()];
  const ids = [idIn(world.month, 1), idIn(world.month, 2)];
  await plantJobs(world.client, [
    { id: ids[0]!, userId: ann },
    { id: ids[1]!, userId: bob },
  ]);
  const archives = world.get(ArchivesRepository);
  const add = archives.add.bind(archives);
  vi.spyOn(archives, 'add').mockImplementationOnce(async (...values) => {
    await world.get(ErasuresService).erase(SYSTEM, ann);
    return add(...values);
  });
  expect(await world.run('jobs')).toMatchObject({ removed: 1, archived: 1 });
  expect((await world.archived()).map(({ id }) => id)).toEqual([ids[1]]);
  expect(await keys()).toHaveLength(1);
});

it('somebody erased while an archive is written anew is taken out the next time', async () => {
  const [ann, bob] = [await world.user(), await world.user()];
  await plantJobs(world.client, [
    { id: idIn(world.month, 1), userId: ann },
    { id: idIn(world.month, 2), userId: bob },
  ]);
  await world.run('jobs');
  await world.get(ErasuresService).erase(SYSTEM, ann);
  const store = world.get(FileStore);
  const put = store.put.bind(store);
  vi.spyOn(store, 'put').mockImplementationOnce(async (...values) => {
    await world.get(ErasuresService).erase(SYSTEM, bob);
    return put(...values);
  });
  await world.get(RewriteArchivesJob).run(context());
  expect(await world.get(RewriteArchivesJob).run(context())).toEqual({ archives: 1, rows: 1 });
  expect(await world.archived()).toEqual([]);
});

it('an archive whose file is gone keeps no erasure from its end', async () => {
  const ann = await world.user();
  await plantJobs(world.client, [{ id: idIn(world.month), userId: ann }]);
  await world.run('jobs');
  for (const key of await keys()) await world.get(FileStore).delete(key);
  await world.get(ErasuresService).erase(SYSTEM, ann);
  await world.get(RewriteArchivesJob).run(context());
  expect(await world.get(RewriteArchivesJob).run(context())).toEqual({ archives: 0, rows: 0 });
});

it('a crash while an archive is written anew loses no row of the others', async () => {
  const [ann, bob] = [await world.user(), await world.user()];
  const kept = idIn(world.month, 2);
  await plantJobs(world.client, [
    { id: idIn(world.month, 1), userId: ann },
    { id: kept, userId: bob },
  ]);
  await world.run('jobs');
  await world.get(ErasuresService).erase(SYSTEM, ann);
  for (const method of ['put', 'get', 'delete'] as const) {
    world.failOnce(FileStore, method);
    await world
      .get(RewriteArchivesJob)
      .run(context())
      .catch(() => undefined);
    expect((await world.archived()).map(({ id }) => id)).toContain(kept);
  }
  await world.get(RewriteArchivesJob).run(context());
  expect((await world.archived()).map(({ id }) => id)).toEqual([kept]);
});

it('whoever asks for their data gets what the archives have of them', async () => {
  const [ann, bob] = [await world.user(), await world.user()];
  const id = idIn(world.month, 1);
  await plantJobs(world.client, [
    { id, userId: ann, payload: { text: 'سلام' } },
    { id: idIn(world.month, 2), userId: bob },
  ]);
  await world.run('jobs');
  const records = [...world.get(AccountHooks).exported(ann)].find(({ name }) => name === 'archived-jobs');
  const rows: object[] = [];
  for await (const row of records!.rows) rows.push(row);
  expect(rows).toMatchObject([{ archive: 'jobs', id, payload: { text: 'سلام' } }]);
});

it('a cleanup goes on when a part of it fails, says so in the trail, and fails in the end', async () => {
  await plantJobs(world.client, [{ id: idIn(world.month) }]);
  world.failOnce(ArchivesRepository, 'nextPart');
  await expect(world.get(CleanupJob).run(context(), { dryRun: false })).rejects.toThrow('died here');
  expect(await world.get(CleanupJob).run(context(), { dryRun: false })).toMatchObject({
    dryRun: false,
    jobs: { removed: 1, archived: 1 },
    'job-logs': { removed: 0 },
    events: { removed: 0 },
  });
  const { rows } = await world.client.query<{ details: unknown }>(
    `select details from audit_logs where action = 'retention.cleanup' order by id`,
  );
  expect(rows.map(({ details }) => details)).toMatchObject([
    { events: { removed: 0 } },
    { jobs: { removed: 1, archived: 1 } },
  ]);
});

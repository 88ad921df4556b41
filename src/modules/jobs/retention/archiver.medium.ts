import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { idIn, plantJobs } from '../../../../test/harness/old-months.js';
import { RetentionWorld, daysAgo } from '../../../../test/harness/retention.js';
import { Database } from '../../../kernel/database/index.js';
import { FileStore } from '../../../kernel/storage/index.js';
import { JobsRepository } from '../jobs.repository.js';
import { ArchiveFiles } from './archive-files.js';
import { Archiver } from './archiver.js';
import { ArchivesRepository } from './archives.repository.js';
import { OldJobsRepository } from './old-jobs.repository.js';

let world: RetentionWorld;
beforeEach(async () => {
  world = await RetentionWorld.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.stop();
});

/** Each of the steps in turn fails as if the process had died there. */
const CRASHES: readonly [string, () => void][] = [
  ['while the file is written', () => world.failOnce(FileStore, 'put')],
  ['before the file is read back', () => world.failOnce(FileStore, 'get')],
  ['before the archive is listed', () => world.failOnce(ArchivesRepository, 'add')],
  ['before anything is removed', () => world.failOnce(OldJobsRepository, 'look')],
  ['before the lines are removed', () => world.failOnce(OldJobsRepository, 'removeLinesOfJobs')],
  ['before rows are removed', () => world.failOnce(OldJobsRepository, 'removeJobs')],
  ['before the archive is closed', () => world.failOnce(ArchivesRepository, 'markRemoved')],
];

describe.each(CRASHES)('a crash %s', (where, arrange) => {
  it.each([
    ['a world.month that can be dropped', false],
    ['a world.month that has to stay', true],
  ])('loses nothing and doubles nothing of %s', async (_, stays) => {
    const ids = Array.from({ length: 5 }, (__, index) => idIn(world.month, index + 1));
    const open = idIn(world.month, 20);
    await plantJobs(world.client, [
      ...ids.map((id) => ({ id })),
      ...(stays ? [{ id: open, status: 'pending' as const }] : []),
    ]);
    arrange();
    const attempt = await world.run('jobs').catch((error: unknown) => error);
    // What is no longer in the table is in an archive that is listed and whole.
    const left = new Set(await world.idsIn('jobs'));
    const kept = new Set((await world.archived()).map(({ id }) => id));
    expect(ids.filter((id) => !left.has(id) && !kept.has(id))).toEqual([]);
    for (let tries = 0; tries < 3; tries++) await world.run('jobs');
    expect((await world.archived()).map(({ id }) => id).toSorted()).toEqual(ids);
    expect(await world.idsIn('jobs')).toEqual(stays ? [open] : []);
    expect(attempt instanceof Error || where.includes('rows') || where.includes('lines')).toBe(true);
  });
});

it('two at the same time archive each job once', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => idIn(world.month, 1 + (index % 27), index));
  await plantJobs(
    world.client,
    ids.map((id) => ({ id })),
  );
  await Promise.allSettled(Array.from({ length: 4 }, () => world.run('jobs')));
  await world.run('jobs');
  expect((await world.archived()).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(await world.idsIn('jobs')).toEqual([]);
});

it('a job that is retried after it was archived is not removed', async () => {
  const [retried, other] = [idIn(world.month, 1), idIn(world.month, 2)];
  await plantJobs(world.client, [{ id: retried, status: 'failed' }, { id: other }]);
  world.failOnce(OldJobsRepository, 'look');
  await expect(world.run('jobs')).rejects.toThrow('died here');
  await world
    .get(Database)
    .system('test')
    .tx((tx) => world.get(JobsRepository).retryEnded(tx, [{ id: retried, limitKey: null }]));
  expect(await world.run('jobs')).toMatchObject({ removed: 1, archived: 0 });
  expect(await world.idsIn('jobs')).toEqual([retried]);
});

it('a file that was not written as it should be is noticed, and nothing is removed', async () => {
  const ids = [idIn(world.month, 1), idIn(world.month, 2)];
  await plantJobs(
    world.client,
    ids.map((id) => ({ id })),
  );
  const store = world.get(FileStore);
  const put = store.put.bind(store);
  vi.spyOn(store, 'put').mockImplementationOnce(async (key, source) => {
    const written = await put(key, source);
    await put(key, cut(await store.get(key), 10));
    return written;
  });
  await expect(world.run('jobs')).rejects.toThrow(/unexpected end of file/);
  expect([await world.idsIn('jobs'), await world.archives()]).toEqual([ids, []]);
});

async function* cut(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield chunk.subarray(0, chunk.length - bytes);
}

it('files that no archive names go when they are a day old, and no others', async () => {
  await plantJobs(world.client, [{ id: idIn(world.month) }]);
  world.failOnce(ArchivesRepository, 'add');
  await expect(world.run('jobs')).rejects.toThrow('died here');
  await world.run('jobs');
  const archiver = world.get(Archiver);
  const { signal } = new AbortController();
  expect(await archiver.sweep(signal)).toBe(0);
  vi.spyOn(world.get(ArchivesRepository), 'yesterday').mockResolvedValue(new Date(daysAgo(-1)));
  expect(await archiver.sweep(signal)).toBe(1);
  expect(await world.archived()).toHaveLength(1);
  const { prefix } = world.get(ArchiveFiles);
  const keys: string[] = [];
  for await (const { key } of world.get(FileStore).list(prefix)) keys.push(key);
  expect(keys).toEqual((await world.archives()).map(({ key }) => key));
});

import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { TransferProgress } from '../../src/modules/remotes/engine/transfer-engine.js';
import { FileWork, at } from '../factories/file-work.js';
import { TestApp, type Answer } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { Client } from '../harness/client.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { TestEventSource } from '../harness/event-source.js';
import { hashes } from '../harness/files.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const MiB = 1024 * 1024;
const MANY = 10_000;
const PAGE = 100;
/** Seconds on a machine that does nothing else. */
const SLOW = { timeout: 240_000 };

/** What a listener of a job is told while it runs. */
interface Shown {
  readonly progress: number;
  readonly progressDetail: Omit<TransferProgress, 'percent'> | null;
}

interface FilePage {
  readonly items: readonly { readonly name: string }[];
  readonly nextCursor: string | null;
}

async function writeMany(names: readonly string[], content: (n: number) => Buffer | string): Promise<void> {
  for (let first = 0; first < names.length; first += 200)
    await Promise.all(
      names.slice(first, first + 200).map((name, place) => writeFile(name, content(first + place))),
    );
}

describe.skipIf(!rclonePresent())('ten thousand files', () => {
  let app: TestApp;
  let work: FileWork;
  beforeAll(async () => {
    app = await TestApp.start();
    work = new FileWork(app);
  });
  afterAll(() => app.stop());

  it(
    'are copied and counted one by one, with progress that only grows and admits that it is counting',
    SLOW,
    async () => {
      const { from, to } = await work.twoRemotes();
      const noise = randomBytes(MiB);
      const sizes = Array.from({ length: MANY }, (_, n) => (n * 7919) % 4_000);
      const folders = Array.from({ length: 50 }, (_, n) => path.join(from.root, `folder ${n}`));
      await Promise.all(folders.map((folder) => mkdir(folder)));
      const names = sizes.map((_, n) => path.join(folders[n % folders.length] ?? '', `${n}`));
      await writeMany(names, (n) => noise.subarray(n, n + (sizes[n] ?? 0)));

      // Slow enough that some of it is seen on any machine.
      const options = { bandwidthLimit: 10 * MiB };
      const id = await work.make('copy', { source: at(from), destination: at(to), options });
      const stream = await TestEventSource.open(`${app.url}/api/jobs/${id}/events`, {
        authorization: `Bearer ${app.adminToken}`,
      });
      await until(() => stream.ended, { describe: () => JSON.stringify(stream.events.at(-1)) });
      const job = stream.events.at(-1)?.data as unknown as JobView;
      const bytes = sizes.reduce((sum, one) => sum + one, 0);
      expect(job).toMatchObject({
        status: 'completed',
        progress: 100,
        retryCount: 0,
        result: {
          bytes,
          files: { created: MANY, updated: 0, deleted: 0, unchanged: 0, failed: 0 },
          failedFiles: [],
        },
      });
      expect(await hashes(to.root)).toEqual(await hashes(from.root));

      const shown = stream.events
        .filter(({ event }) => event === 'snapshot' || event === 'progress')
        .map(({ data }) => data as unknown as Shown);
      const percents = shown.map(({ progress }) => progress);
      expect(percents).toEqual(percents.toSorted((a, b) => a - b));
      expect(percents.some((percent) => percent > 0 && percent < 100)).toBe(true);
      const details = shown.flatMap(({ progress, progressDetail: detail }) =>
        detail === null ? [] : [{ progress, ...detail }],
      );
      const counting = details.filter(({ indeterminate }) => indeterminate);
      const moving = details.filter(({ indeterminate }) => !indeterminate);
      // While the totals grow there is no percentage. Once there is one they stand, but for the files that rclone has
      // just taken from its queue and not begun yet.
      expect(counting[0]).toMatchObject({
        progress: 0,
        phase: 'listing',
        bytes: 0,
        files: 0,
        secondsLeft: null,
      });
      expect(counting.filter(({ progress }) => progress > 0)).toEqual([]);
      expect(moving.filter(({ totalFiles }) => totalFiles < MANY - 10 || totalFiles > MANY)).toEqual([]);
      expect(moving.filter(({ totalBytes }) => totalBytes < bytes - 40_000 || totalBytes > bytes)).toEqual(
        [],
      );
      expect(details.findLastIndex((one) => one.indeterminate)).toBeLessThan(details.indexOf(moving[0]!));
      for (const counted of [moving.map(({ files }) => files), moving.map((one) => one.bytes)])
        expect(counted).toEqual(counted.toSorted((a, b) => a - b));

      const again = await work.done('copy', { source: at(from), destination: at(to) });
      expect(again).toMatchObject({
        status: 'completed',
        result: { bytes: 0, files: { created: 0, updated: 0, unchanged: MANY, failed: 0 } },
      });
    },
  );

  it(
    'in one folder are listed page by page, every name once, to each as the rules want it',
    SLOW,
    async () => {
      const remote = await work.remote();
      const kinds = [
        'plain',
        'Ünïcode',
        'e\u0301 apart',
        '한국어',
        'ไทย',
        'пример',
        'فارسی',
        '😀',
        '-dash',
        '[x]*',
      ];
      const names = Array.from({ length: MANY }, (_, n) => `${kinds[n % kinds.length]} ${n}`);
      const folder = path.join(remote.root, 'many');
      await mkdir(folder);
      await writeMany(
        names.map((name) => path.join(folder, name)),
        () => '',
      );
      const reader = await app.user();
      const pathRules = [
        { path: '/many', allow: ['read'] },
        { path: '/many/plain *', deny: ['read'] },
      ];
      await app.call('PUT', `/api/remotes/${remote.id}/permissions/${reader.id}`, {
        body: { permissions: ['read'], pathRules },
      });
      const pages = async (token?: string): Promise<string[][]> => {
        const found: string[][] = [];
        for (let cursor: string | null = ''; cursor !== null;) {
          const more: Record<string, string> = cursor === '' ? {} : { cursor };
          const query = new URLSearchParams({ path: '/many', limit: String(PAGE), ...more }).toString();
          const { body }: Answer<FilePage> = await app.call(
            'GET',
            `/api/remotes/${remote.id}/files?${query}`,
            token === undefined ? {} : { token },
          );
          found.push(body.items.map(({ name }) => name));
          cursor = body.nextCursor;
        }
        return found;
      };
      const inOrder = (all: readonly string[]): string[] => all.toSorted((a, b) => (a < b ? -1 : 1));
      const [whole, part] = [await pages(), await pages(reader.token)];
      expect(whole.map(({ length }) => length)).toEqual(Array.from({ length: MANY / PAGE }, () => PAGE));
      expect(whole.flat()).toEqual(inOrder(names));
      expect(part.flat()).toEqual(inOrder(names.filter((name) => !name.startsWith('plain '))));
    },
  );
});

/** Real processes: what is killed is what is shipped. */
describe.skipIf(!rclonePresent())('a file of one GiB', () => {
  const SIZE = 1024 * MiB;
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

  const folderOf = (name: string): string => path.join(directory.path, 'files', name);
  const start = async (): Promise<{ steward: StewardProcess; client: Client }> => {
    const steward = StewardProcess.spawn({
      DATABASE_URL: database.url,
      STEWARD_DATA_DIR: directory.path,
      STEWARD_SECRET: 'one signing secret for every process of the test',
      STEWARD_ADMIN_PASSWORD: PASSWORD,
    });
    processes.push(steward);
    const client = await Client.login(await steward.url(), 'admin@steward.local', PASSWORD);
    return { steward, client };
  };
  const place = async (client: Client, folder: string): Promise<object> => {
    const body = { name: folder, type: 'local', root: folderOf(folder) };
    return { remoteId: (await client.call<{ id: string }>('POST', '/api/remotes', body)).id, path: '/' };
  };
  const reached = (client: Client, id: string, is: (job: JobView) => boolean): Promise<JobView> => {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await client.call<JobView>('GET', `/api/jobs/${id}`);
        return is(last) && last;
      },
      { describe: () => `the job to get there: ${JSON.stringify(last)}` },
    );
  };
  const hasEnded = ({ status }: JobView): boolean => ['completed', 'failed', 'cancelled'].includes(status);

  it('arrives whole although its worker is killed half way', SLOW, async () => {
    for (const folder of ['from', 'to']) await mkdir(folderOf(folder), { recursive: true });
    const [source, copy] = [path.join(folderOf('from'), 'large'), path.join(folderOf('to'), 'large')];
    await writeSparse(source, SIZE);
    const first = await start();
    const { id } = await first.client.call<JobView>('POST', '/api/jobs', {
      type: 'copy',
      payload: {
        source: await place(first.client, 'from'),
        destination: await place(first.client, 'to'),
        options: { bandwidthLimit: 128 * MiB },
      },
    });
    const half = await reached(first.client, id, (job) => job.progress >= 40 || hasEnded(job));
    await first.steward.end('SIGKILL');
    expect(half.status).toBe('running');

    const { client } = await start();
    await reached(client, id, (job) => (job.status === 'running' && job.crashCount === 1) || hasEnded(job));
    // Nothing else makes it faster; it may have ended meanwhile.
    await client.call('PATCH', `/api/jobs/${id}/transfer`, { bandwidthLimit: null }).catch(() => undefined);
    expect(await reached(client, id, hasEnded)).toMatchObject({
      status: 'completed',
      progress: 100,
      crashCount: 1,
      retryCount: 0,
      result: { bytes: SIZE, files: { failed: 0 }, failedFiles: [] },
    });
    expect(await readdir(folderOf('to'))).toEqual(['large']);
    expect((await stat(copy)).size).toBe(SIZE);
    expect(await areEqual(copy, source)).toBe(true);
  });
});

/** Takes next to no room on the disk, and no two parts of it are the same. */
async function writeSparse(file: string, size: number): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.truncate(size);
    for (let position = 0; position < size; position += 16 * MiB)
      await handle.write(randomBytes(4096), 0, 4096, position + (position % 997) * 4096);
    await handle.write(randomBytes(10), 0, 10, size - 10);
  } finally {
    await handle.close();
  }
}

/** Byte by byte: takes a fraction of the time of two checksums. */
async function areEqual(one: string, other: string): Promise<boolean> {
  const files = await Promise.all([open(one), open(other)]);
  try {
    for (let position = 0; ;) {
      const [a, b] = await Promise.all(files.map((file) => file.read(Buffer.alloc(MiB), 0, MiB, position)));
      if (!a || !b || !a.buffer.subarray(0, a.bytesRead).equals(b.buffer.subarray(0, b.bytesRead)))
        return false;
      if (a.bytesRead === 0) return true;
      position += a.bytesRead;
    }
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

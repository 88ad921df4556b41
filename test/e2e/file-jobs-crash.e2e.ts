import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { ServedFarSide } from '../far-sides/index.js';
import { rclonePresent } from '../harness/capabilities.js';
import { Client } from '../harness/client.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { hashOf, hashes, names, write } from '../harness/files.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const PASSWORD = 'the password of the tests';
const MiB = 1024 * 1024;
const hasEnded = ({ status }: JobView): boolean => ['completed', 'failed', 'cancelled'].includes(status);

/** Real processes: what is killed is what is shipped. */
describe.skipIf(!rclonePresent())('file jobs whose worker dies', () => {
  let database: TestDatabase;
  let directory: { path: string; remove: () => Promise<void> };
  let processes: StewardProcess[];
  beforeEach(async () => {
    database = await createTestDatabase();
    directory = await scratch();
    processes = [];
    for (const folder of ['from', 'to', 'back']) await mkdir(folderOf(folder), { recursive: true });
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await database.drop();
    await directory.remove();
  });

  const folderOf = (name: string): string => path.join(directory.path, 'files', name);
  const start = (): StewardProcess => {
    const one = StewardProcess.spawn({
      DATABASE_URL: database.url,
      STEWARD_DATA_DIR: directory.path,
      STEWARD_SECRET: 'one signing secret for every process of the test',
      STEWARD_ADMIN_PASSWORD: PASSWORD,
      STEWARD_REMOTES_ALLOWED_HOSTS: '127.0.0.1',
    });
    processes.push(one);
    return one;
  };
  const login = async (one: StewardProcess): Promise<Client> =>
    Client.login(await one.url(), 'admin@steward.local', PASSWORD);
  const remote = async (client: Client, folder: string): Promise<string> => {
    const body = { name: folder, type: 'local', root: folderOf(folder) };
    return (await client.call<{ id: string }>('POST', '/api/remotes', body)).id;
  };
  const job = (client: Client, id: string): Promise<JobView> =>
    client.call<JobView>('GET', `/api/jobs/${id}`);
  const reached = (
    client: Client,
    id: string,
    is: (job: JobView) => boolean | Promise<boolean>,
  ): Promise<JobView> => {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await job(client, id);
        return (await is(last)) && last;
      },
      { describe: () => `the job to get there: ${JSON.stringify(last)}` },
    );
  };

  /** Starts the job, kills its only process in the middle, and answers how it ended in the next one. */
  async function killedInTheMiddle(
    type: string,
    makePayload: (from: object, to: object, client: Client) => object | Promise<object>,
    isInTheMiddle: (one: JobView) => boolean | Promise<boolean> = ({ progress }) => progress > 5,
    meanwhile: () => void | Promise<void> = () => undefined,
  ): Promise<JobView> {
    const first = start();
    const client = await login(first);
    const payload = await makePayload(
      { remoteId: await remote(client, 'from'), path: '/' },
      { remoteId: await remote(client, 'to'), path: '/' },
      client,
    );
    const { id } = await client.call<JobView>('POST', '/api/jobs', { type, payload });
    await reached(client, id, async (one) => hasEnded(one) || isInTheMiddle(one));
    await first.end('SIGKILL');
    await meanwhile();
    const again = await login(start());
    // Nothing else makes it faster: the limit that was set is lifted, as a person would.
    await reached(again, id, (one) => (one.status === 'running' && one.crashCount === 1) || hasEnded(one));
    await again.call('PATCH', `/api/jobs/${id}/transfer`, { bandwidthLimit: null }).catch(() => undefined); // it may have ended meanwhile
    return reached(again, id, hasEnded);
  }

  const files = (): Record<string, string | Buffer> => ({
    ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`many/${n}`, randomBytes(MiB / 2)])),
    'large.bin': randomBytes(10 * MiB),
  });
  const slow = { bandwidthLimit: 4 * MiB };
  const done = { status: 'completed', crashCount: 1, retryCount: 0, progress: 100 };

  it('copy the rest', async () => {
    await write(folderOf('from'), files());
    const before = await hashes(folderOf('from'));
    const ended = await killedInTheMiddle('copy', (source, destination) => ({
      source,
      destination,
      options: slow,
    }));
    expect(ended).toMatchObject(done);
    expect(await hashes(folderOf('to'))).toEqual(before);
    expect(await hashes(folderOf('from'))).toEqual(before);
  });

  it('move the rest, and lose nothing', async () => {
    // Within one disk a move is a rename, which no bandwidth slows down: it takes its time by number.
    const many = Array.from({ length: 3_000 }, (_, n) => [`many/${n % 50}/${n}`, String(n)] as const);
    await write(folderOf('from'), Object.fromEntries(many));
    const before = await hashes(folderOf('from'));
    const ended = await killedInTheMiddle('move', (source, destination) => ({
      source,
      destination,
      options: { transfers: 1 },
    }));
    expect(ended).toMatchObject({ status: 'completed', retryCount: 0 });
    expect(await hashes(folderOf('to'))).toEqual(before);
    expect(await hashes(folderOf('from'))).toEqual({});
  });

  it('sync the rest', async () => {
    await write(folderOf('from'), files());
    await write(folderOf('to'), { 'extra/one': 'x', two: 'y', 'many/3': 'old' });
    const before = await hashes(folderOf('from'));
    const ended = await killedInTheMiddle('sync', (source, destination) => ({
      source,
      destination,
      options: { ...slow, allowMassDelete: true },
    }));
    expect(ended).toMatchObject(done);
    expect(await hashes(folderOf('to'))).toEqual(before);
  });

  it('back up the rest, with what was there before as the version', async () => {
    await write(folderOf('from'), files());
    const old = { 'large.bin': 'old', 'many/0': 'older', gone: 'gone' };
    await write(
      folderOf('to'),
      Object.fromEntries(Object.entries(old).map(([name, text]) => [`b/current/${name}`, text])),
    );
    const before = await hashes(folderOf('from'));
    const ended = await killedInTheMiddle('backup', (source, destination) => ({
      source,
      destination,
      options: { ...slow, name: 'b', mirror: true, allowMassDelete: true },
    }));
    expect(ended).toMatchObject(done);
    const after = await hashes(folderOf('to'));
    const below = (prefix: string): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(after).flatMap(([name, content]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), content]] : [],
        ),
      );
    expect(below('b/current/')).toEqual(before);
    const { version } = ended.result as { version: string };
    const asides = Object.entries(below('b/versions/')).filter(([name]) => !name.endsWith('.jsonl'));
    // The first attempt's folder, and the second one's beside it: nothing of the past is overwritten.
    for (const [name] of asides) expect(name).toMatch(new RegExp(`^${version}(-r\\d+)?/`));
    const first = { ...below(`b/versions/${version}-r1/`), ...below(`b/versions/${version}/`) };
    // Beside it stands what the first attempt was just writing, which no version names.
    expect(first).toMatchObject(
      Object.fromEntries(Object.entries(old).map(([name, content]) => [name, hashOf(content)])),
    );
  });

  it('delete the rest, and nothing else', async () => {
    // Far away and slow, and then not there at all: a disk has deleted them before anybody can be killed.
    const MANY = 400;
    const side = await ServedFarSide.start('sftp');
    try {
      const many = Array.from({ length: MANY }, (_, n) => [`much/${n % 7}/${n}.txt`, String(n)] as const);
      await side.write({ ...Object.fromEntries(many), 'much more/kept.txt': 'kept', 'kept.txt': 'kept' });
      const left = (): Promise<string[]> => names(side.files);
      let afterTheKill = 0;
      const ended = await killedInTheMiddle(
        'delete',
        async (_from, _to, client) => {
          const { id } = await client.call<{ id: string }>('POST', '/api/remotes', side.body('far'));
          side.cable.slow(10_000);
          return { target: { remoteId: id, path: '/much' } };
        },
        async () => {
          if ((await left()).length >= MANY) return false;
          side.cable.blackHole();
          return true;
        },
        async () => {
          afterTheKill = (await left()).length;
          side.cable.mend();
        },
      );
      expect(ended).toMatchObject(done);
      expect(afterTheKill).toBeGreaterThan(2);
      expect(afterTheKill).toBeLessThan(MANY);
      expect((await left()).toSorted()).toEqual(['kept.txt', 'much more/kept.txt']);
    } finally {
      await side.stop();
    }
  });

  it('restore the rest of a version, and nothing of another', async () => {
    await write(folderOf('from'), files());
    const before = await hashes(folderOf('from'));
    await write(folderOf('back'), { 'large.bin': 'in the way', 'of somebody': 'kept' });
    const ended = await killedInTheMiddle('restore', async (source, destination, client) => {
      const backup = { source, destination, options: { name: 'b', mirror: true } };
      const backUp = async (): Promise<string> => {
        const { id } = await client.call<JobView>('POST', '/api/jobs', { type: 'backup', payload: backup });
        return ((await reached(client, id, hasEnded)).result as { version: string }).version;
      };
      const version = await backUp();
      // Part of the version is put aside by the next run, the rest stays where it is.
      await write(folderOf('from'), { 'large.bin': 'another', 'many/3': 'another', later: 'later' });
      expect(await backUp()).not.toBe(version);
      return {
        source: { ...destination, path: '/b' },
        destination: { remoteId: await remote(client, 'back'), path: '/' },
        version,
        options: slow,
      };
    });
    expect(ended).toMatchObject(done);
    expect(await hashes(folderOf('back'))).toEqual({ ...before, 'of somebody': hashOf('kept') });
  });

  it('keep two syncs apart although one was killed', async () => {
    await write(folderOf('from'), { one: randomBytes(8 * MiB) });
    const [one, other] = [start(), start()];
    const client = await login(one);
    const far = client.at(await other.url());
    const source = { remoteId: await remote(client, 'from'), path: '/' };
    const destination = { remoteId: await remote(client, 'to'), path: '/' };
    const payload = { source, destination, options: { bandwidthLimit: MiB } };
    const ids: string[] = [];
    for (const door of [client, far, client, far])
      ids.push((await door.call<JobView>('POST', '/api/jobs', { type: 'sync', payload })).id);
    const running = async (): Promise<JobView[]> =>
      (await Promise.all(ids.map((id) => job(far, id)))).filter(
        ({ status, progress }) => status === 'running' && progress > 0,
      );
    await until(async () => (await running()).length === 1, { describe: 'one of them to transfer' });
    await one.end('SIGKILL');
    let most = 0;
    await until(
      async () => {
        most = Math.max(most, (await running()).length);
        return (await Promise.all(ids.map((id) => job(far, id)))).every(hasEnded);
      },
      { describe: 'all of them to end' },
    );
    expect(most).toBe(1);
    const ends = await Promise.all(ids.map((id) => job(far, id)));
    expect(ends.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(await hashes(folderOf('to'))).toEqual(await hashes(folderOf('from')));
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RetentionTasks } from '../../src/kernel/retention/index.js';
import { FileStore } from '../../src/kernel/storage/index.js';
import { DatabaseBackups } from '../../src/modules/database-backups/index.js';
import { TestApp } from '../harness/app.js';
import { createTestDatabase, createUnmigratedDatabase, withClient } from '../harness/database.js';
import { until } from '../harness/until.js';

const PROGRAM = path.resolve(import.meta.dirname, '../../dist/src/cli.js');
const NAME = /^backups\/[\w-]+\/steward_\d{8}_\d{6}\.sql\.gz$/;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly result: { readonly key: string; readonly rows: number; readonly bytes: number };
}

let app: TestApp;
let store: FileStore;
let folder: string;
beforeAll(async () => {
  app = await TestApp.start();
  store = app.get(FileStore);
  folder = await mkdtemp(path.join(tmpdir(), 'steward-backups-'));
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

/** One made by a job, as every night. */
async function backUp(): Promise<Job> {
  const made = await app.call<Job>('POST', '/api/jobs', { body: { type: 'back-up-database', payload: {} } });
  expect(made.status).toBe(202);
  return until(
    async () => {
      const { body } = await app.call<Job>('GET', `/api/jobs/${made.body.id}`);
      return ['completed', 'failed'].includes(body.status) && body;
    },
    { describe: 'the backup' },
  );
}

const steward = (databaseUrl: string, ...words: string[]): Promise<{ out: string; err: string }> =>
  new Promise((resolve) => {
    const env = {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      STEWARD_DATA_DIR: app.settings.dataDir,
    };
    execFile(
      process.execPath,
      [PROGRAM, 'backups', ...words],
      { cwd: folder, env, maxBuffer: 1e8 },
      (_, out, err) => resolve({ out, err }),
    );
  });

const countOf = (url: string, table: string): Promise<number> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ n: number }>(`select count(*)::integer as n from ${table}`);
    return rows[0]!.n;
  });

describe('the daily backup', () => {
  it('is a schedule of Steward itself, at two in the night', async () => {
    const { body } = await app.call<{ items: { systemKey: string; cronExpression: string }[] }>(
      'GET',
      '/api/schedules?system=true',
    );
    expect(body.items).toContainEqual(
      expect.objectContaining({ systemKey: 'back-up-database', cronExpression: '0 2 * * *', userId: null }),
    );
  });

  it('is a file in the store by its day, told to the audit trail, and for admins only', async () => {
    const { status, result, id } = await backUp();
    expect(status).toBe('completed');
    expect(result.key).toMatch(NAME);
    expect((await store.stat(result.key))?.bytes).toBe(result.bytes);
    const text = gunzipSync(await buffer(await store.get(result.key))).toString();
    expect(text).toContain('\ncopy users (');
    expect(text.endsWith('\n-- end of dump\n')).toBe(true);
    const audit = await app.call<{ items: { details: object }[] }>('GET', `/api/audit-logs?resourceId=${id}`);
    expect(audit.body.items).toContainEqual(
      expect.objectContaining({ action: 'database.back_up', details: result }),
    );
    const { token } = await app.user('power_user');
    const refused = await app.call('POST', '/api/jobs', {
      token,
      body: { type: 'back-up-database', payload: {} },
    });
    expect(refused.status).toBe(403);
  });

  it('fails visibly, and leaves nothing, when what was read back is something else', async () => {
    const backups = app.get(DatabaseBackups);
    const before = await backups.list();
    const put = store.put.bind(store);
    store.put = async (key, source) => {
      const written = await put(key, source);
      await put(
        key,
        (async function* () {
          yield gzipSync('something else');
        })(),
      );
      return written;
    };
    const { signal } = new AbortController();
    await expect(backups.make(signal, () => undefined)).rejects.toThrow(/read back/);
    store.put = put;
    expect(await backups.list()).toEqual(before);
  });

  it('goes after thirty days with the cleanup, but never the last one', async () => {
    const backups = app.get(DatabaseBackups);
    const { result } = await backUp();
    const prefix = path.posix.dirname(result.key);
    const old = [1, 2].map((day) => `${prefix}/steward_2020010${day}_020000.sql.gz`);
    const bytes = async function* () {
      yield gzipSync('x');
    };
    for (const key of [...old, `${prefix}/notes.txt`]) await store.put(key, bytes());
    const task = app
      .get(RetentionTasks)
      .all()
      .find(({ name }) => name === 'databaseBackups')!;
    const { signal } = new AbortController();
    expect(await task.run({ dryRun: true, signal })).toMatchObject({ removed: 2 });
    expect((await backups.list()).map(({ key }) => key)).toEqual(expect.arrayContaining(old));
    expect(await task.run({ dryRun: false, signal })).toMatchObject({ removed: 2 });
    const left = await backups.list();
    expect(left.map(({ key }) => key)).not.toEqual(expect.arrayContaining(old));
    expect(await store.stat(`${prefix}/notes.txt`)).not.toBeNull();
    for (const { key } of left) await store.delete(key);
    await store.put(old[0]!, bytes());
    expect(await task.run({ dryRun: false, signal })).toMatchObject({ removed: 0 });
    await store.delete(old[0]!);
  });
});

it('is listed, and restored into another database, up to date', async () => {
  const { result } = await backUp();
  expect((await steward(app.settings.databaseUrl!, 'list')).out).toContain(result.key);
  const file = path.join(folder, 'backup.sql.gz');
  await writeFile(file, await buffer(await store.get(result.key)));
  const shown = await steward(app.settings.databaseUrl!, 'show', result.key);
  expect(shown.out).toBe(gunzipSync(await readFile(file)).toString());

  const target = await createUnmigratedDatabase();
  const { out, err } = await steward(target.url, 'restore', file);
  expect([out, err]).toEqual([expect.stringContaining(`Restored ${result.rows} rows as they were at `), '']);
  expect(await countOf(target.url, 'users')).toBe(await countOf(app.settings.databaseUrl!, 'users'));
  expect((await steward(target.url, 'restore', file)).err).toMatch(/has \d+ users. With --replace/);
  expect((await steward(target.url, 'restore', file, '--replace')).out).toContain('Restored');

  await withClient(target.url, async (client) => {
    await client.query(`set application_name = 'steward'`);
    expect((await steward(target.url, 'restore', file, '--replace')).err).toMatch(/^Stop Steward first/);
  });
  await target.drop();
});

it('says what is wrong with a file, and touches nothing', async () => {
  const target = await createTestDatabase();
  const broken = path.join(folder, 'broken');
  const say = async (content: Buffer | null): Promise<string> => {
    if (content) await writeFile(broken, content);
    const { out, err } = await steward(
      target.url,
      'restore',
      content ? broken : path.join(folder, 'no file'),
    );
    expect(out).toBe('');
    return err;
  };
  expect(await say(null)).toMatch(/no file: ENOENT/);
  expect(await say(Buffer.from('not packed'))).toMatch(/broken: incorrect header check/);
  expect(await say(gzipSync('select 1;\n'))).toMatch(/broken: The file is no dump of Steward/);
  expect(
    await say(gzipSync('-- Steward dump of 2026-01-01T00:00:00.000Z, schema FromTheFuture2099\n')),
  ).toMatch(/does not know the schema FromTheFuture2099/);
  await target.drop();
});

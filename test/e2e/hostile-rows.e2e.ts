import { mkdir, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BulkJobsView } from '../../src/modules/jobs/bulk/bulk-jobs.schema.js';
import type { TestRemote } from '../factories/copies.js';
import { FarWork } from '../factories/far-work.js';
import { at } from '../factories/file-work.js';
import {
  INTERNAL_HOSTS,
  REFUSED_PATHS,
  WRONG_OPTION_VALUES,
  hostileJobOptions,
  hostileRemoteOptions,
  notHosts,
  outsideFolders,
  remotesOnTheSpot,
} from '../far-sides/attacks.js';
import { Canary } from '../far-sides/canary.js';
import { TestApp } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { tree, write } from '../harness/files.js';
import { copyingProcesses } from '../harness/rclone-processes.js';
import { until } from '../harness/until.js';

interface Ended {
  readonly status: string;
  readonly code: string | null;
  readonly error: string | null;
  readonly log: string;
}

/** Texts that a row of jsonb can hold. */
const storable = (value: unknown): boolean => !/\\u0000|\\u[dD][89a-fA-F]/.test(JSON.stringify(value));

/** None of the jobs is to wait for another one. */
const ALL_AT_ONCE = {
  STEWARD_FILE_JOBS: '1000',
  STEWARD_FILE_JOBS_PER_REMOTE: '1000',
  STEWARD_FILE_JOBS_PER_USER: '1000',
};

/**
 * What was refused when it was asked for is refused again where it is used: an error of another part, or whoever can
 * write into the database, must not get at the server through it.
 */
describe.skipIf(!rclonePresent())('rows written past the checks', () => {
  let app: TestApp;
  let canary: Canary;
  let work: FarWork;
  let sql: Client;
  let from: TestRemote;
  let to: TestRemote;

  beforeAll(async () => {
    canary = await Canary.start();
    app = await TestApp.start({ environment: ALL_AT_ONCE });
    work = new FarWork(app);
    sql = new Client({ connectionString: app.settings.databaseUrl });
    await sql.connect();
    from = await work.remote();
    to = await work.remote();
    await write(from.root, { 'plain.txt': 'plain' });
  });
  afterEach(async () => {
    await canary.assertUnharmed();
    const files = { ...(await tree(from.root)), ...(await tree(to.root)) };
    if (Object.keys(files).join() !== 'plain.txt') throw new Error(`there are ${JSON.stringify(files)}`);
  });
  afterAll(async () => {
    await sql.end();
    await app.stop();
    await canary.stop();
  });

  /** Jobs of right requests, of which none starts until `change` has been done to what is stored. */
  async function jobs(
    requests: readonly { type: string; payload: object }[],
    change: (ids: readonly string[]) => Promise<unknown>,
  ): Promise<Ended[]> {
    await work.demand('POST', '/api/queues/files/pause', 200, { note: 'until the rows are changed' });
    const items = requests.map((request) => ({ ...request, maxRetries: 0 }));
    const made = await work.demand<BulkJobsView>('POST', '/api/jobs/bulk', 202, { items });
    const ids = made.items.map((item) => {
      if ('id' in item) return item.id;
      throw new Error(`no job: ${JSON.stringify(item)}`);
    });
    await change(ids);
    await work.demand('POST', '/api/queues/files/resume', 200);
    const ended = await until(
      async () => {
        const { rows } = await sql.query<Ended & { id: string }>(
          `select id, status, error_code as code, error,
                  (select coalesce(string_agg(concat(message, details), E'\\n'), '') from job_logs where job_id = jobs.id) as log
             from jobs where id = any($1::uuid[]) and status in ('completed', 'failed', 'cancelled')`,
          [ids],
        );
        return rows.length === ids.length && new Map(rows.map((row) => [row.id, row]));
      },
      { describe: 'all to end' },
    );
    const ends = ids.map((id) => ended.get(id)!);
    expect(await canary.harm(...ends.map(({ error, log }) => `${error} ${log}`))).toEqual([]);
    return ends;
  }

  /** Jobs whose payloads are changed in their rows; answers what became of those that were not refused for it. */
  async function forged(type: string, payloads: readonly object[]): Promise<string[]> {
    const places = { source: at(from), destination: at(to) };
    const right = type === 'delete' ? { target: at(to, '/x') } : places;
    const ends = await jobs(
      payloads.map(() => ({ type, payload: right })),
      (ids) =>
        sql.query(
          `update jobs set payload = forged.payload::jsonb
             from unnest($1::uuid[], $2::text[]) as forged(id, payload) where jobs.id = forged.id`,
          [ids, payloads.map((payload) => JSON.stringify({ ...right, ...payload }))],
        ),
    );
    return ends.flatMap(({ status, code, error }, index) =>
      status === 'failed' && code === 'validation_failed'
        ? []
        : [`${status} ${code} ${error}: ${JSON.stringify(payloads[index])}`],
    );
  }

  describe.each(['copy', 'move', 'sync', 'backup', 'restore'])('give a job of type %s', (type) => {
    it('no other remote', async () => {
      const texts = remotesOnTheSpot(canary).filter(storable);
      const asSource = texts.map((remoteId) => ({ source: { remoteId, path: '/' } }));
      const asDestination = texts.map((remoteId) => ({ destination: { remoteId, path: '/' } }));
      expect(await forged(type, [...asSource, ...asDestination])).toEqual([]);
    });

    it('no path that leads out', async () => {
      const paths = REFUSED_PATHS.map((each) => each.path).filter(storable);
      const asSource = paths.map((one) => ({ source: { remoteId: from.id, path: one } }));
      const asDestination = paths.map((one) => ({ destination: { remoteId: to.id, path: one } }));
      expect(await forged(type, [...asSource, ...asDestination])).toEqual([]);
    });

    it('no options of rclone', async () => {
      const options = [...hostileJobOptions(canary), ...WRONG_OPTION_VALUES].filter(storable);
      expect(
        await forged(
          type,
          options.map((one) => ({ options: one })),
        ),
      ).toEqual([]);
    });
  });

  it('delete nothing elsewhere', async () => {
    const remotes = remotesOnTheSpot(canary).map((remoteId) => ({ target: { remoteId, path: '/x' } }));
    const paths = REFUSED_PATHS.map((each) => ({ target: { remoteId: from.id, path: each.path } }));
    const options = hostileJobOptions(canary).map((one) => ({ options: one }));
    expect(await forged('delete', [...remotes, ...paths, ...options].filter(storable))).toEqual([]);
  });

  /** Remotes as the checks would have let them pass. */
  async function rightRemotes(count: number, type: string, root: string, options: object): Promise<string[]> {
    const { rows } = await sql.query<{ id: string }>(
      `insert into remotes (id, owner_id, name, name_key, type, root, options)
       select id, (select owner_id from remotes where id = $1), id::text, id::text, $2, $3, $4
         from (select gen_random_uuid() as id from generate_series(1, $5)) as made returning id`,
      [from.id, type, root, JSON.stringify(options), count],
    );
    return rows.map(({ id }) => id);
  }

  /** Changes one column of a remote for each value; answers what could be done with it then. */
  async function misled(
    right: { type: string; root?: string; options?: object },
    column: 'root' | 'options',
    values: readonly (string | object)[],
  ): Promise<string[]> {
    const { type, root = '/', options = {} } = right;
    const ids = await rightRemotes(values.length, type, root, options);
    const payloads = ids.flatMap((id, index) => [
      { source: { remoteId: id, path: '/' }, destination: at(to, `/${index}`) },
      { source: at(from), destination: { remoteId: id, path: '/' } },
    ]);
    const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
    const ends = await jobs(
      payloads.map((payload) => ({ type: 'copy', payload })),
      () =>
        sql.query(
          `update remotes set ${column} = changed.value${column === 'options' ? '::jsonb' : ''}, version = version + 1
             from unnest($1::uuid[], $2::text[]) as changed(id, value) where remotes.id = changed.id`,
          [ids, texts],
        ),
    );
    const misleading = ends.flatMap(({ status, code, error }, index) =>
      status === 'failed' &&
      ['validation_failed', 'remote_misconfigured', 'transfer_permission'].includes(code ?? '')
        ? []
        : [`${status} ${code} ${error}: ${texts[Math.floor(index / 2)]}`],
    );
    for (const [index, id] of ids.entries()) {
      for (const place of ['files', 'files/content?path=/secret-of-the-canary.txt', 'usage']) {
        const answer = await app.call<unknown>('GET', `/api/remotes/${id}/${place}`);
        if (answer.status < 400) misleading.push(`${place} ${answer.status}: ${texts[index]}`);
        expect(await canary.harm(JSON.stringify(answer.body))).toEqual([]);
      }
      const { body } = await app.call<{ status?: string }>('POST', `/api/remotes/${id}/check`);
      if (body.status === 'online') misleading.push(`online: ${texts[index]}`);
    }
    expect(await copyingProcesses(process.pid)).toEqual([]);
    return misleading;
  }

  it('open no folder of the server', async () => {
    const [root = ''] = app.settings.localRoots;
    const link = path.join(root, 'a link to the canary');
    await symlink(canary.folder, link);
    const own = path.join(root, 'own');
    await mkdir(own);
    const folders = [...outsideFolders(canary, root), link, path.join(link, 'below')];
    // The table itself refuses none at all.
    const values = folders.filter((folder) => storable(folder) && folder !== '');
    expect(await misled({ type: 'local', root: own }, 'root', values)).toEqual([]);
  });

  it('hand rclone no option that is not of the type', async () => {
    const options = { url: 'https://files.example.org/', vendor: 'other' };
    const values = Object.entries(hostileRemoteOptions(canary)).map(([name, value]) => ({
      ...options,
      [name]: value,
    }));
    expect(await misled({ type: 'webdav', options }, 'options', values)).toEqual([]);
  });

  it('lead to no host inside, and to nothing that is no host', async () => {
    const { port } = canary;
    const webdav = { type: 'webdav', options: { url: 'https://files.example.org/', vendor: 'other' } };
    const urls = INTERNAL_HOSTS.map((host) => ({ url: `http://${host}:${port}/`, vendor: 'other' }));
    expect(await misled(webdav, 'options', urls)).toEqual([]);
    const ftp = { type: 'ftp', options: { host: 'files.example.org', user: 'u', encryption: 'none' } };
    const hosts = [...INTERNAL_HOSTS, ...notHosts(canary)].filter(storable);
    expect(
      await misled(
        ftp,
        'options',
        hosts.map((host) => ({ ...ftp.options, host, port })),
      ),
    ).toEqual([]);
  });

  it('are not followed when a folder has become a link since', async () => {
    const folder = await work.remote();
    await rename(folder.root, `${folder.root} before`);
    await symlink(canary.folder, folder.root);
    const answer = await app.call<unknown>('GET', `/api/remotes/${folder.id}/files`);
    expect(answer.status).toBe(403);
    const job = await work.between('copy', folder, to);
    expect(job).toMatchObject({ status: 'failed', errorCode: 'transfer_permission' });
  });
});

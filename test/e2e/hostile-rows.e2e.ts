import { mkdir, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FileJobsDesk } from '../factories/file-jobs.js';
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

const JOB_TYPES = ['copy', 'move', 'sync', 'backup'] as const;

/**
 * What was refused when it was asked for is refused again where it is used: an error of another part, or whoever can
 * write into the database, must not get at the server through it.
 */
describe.skipIf(!rclonePresent())('rows written past the checks', () => {
  let app: TestApp;
  let canary: Canary;
  let desk: FileJobsDesk;
  let client: Client;
  let from: { id: string; root: string };
  let to: { id: string; root: string };

  beforeAll(async () => {
    canary = await Canary.start();
    app = await TestApp.start();
    desk = new FileJobsDesk(app);
    client = new Client({ connectionString: app.settings.databaseUrl });
    await client.connect();
    from = await desk.folder();
    to = await desk.folder();
    await write(from.root, { 'plain.txt': 'plain' });
  });
  afterEach(async () => {
    await canary.assertUnharmed();
    const files = { ...(await tree(from.root)), ...(await tree(to.root)) };
    if (Object.keys(files).join() !== 'plain.txt') throw new Error(`there are ${JSON.stringify(files)}`);
  });
  afterAll(async () => {
    await client.end();
    await app.stop();
    await canary.stop();
  });

  /** Jobs that wait get these payloads in their rows and may start; answers how each ended. */
  async function forged(type: string, payloads: readonly object[]): Promise<string[]> {
    const scheduledFor = '2100-01-01T00:00:00.000Z';
    const places = {
      source: { remoteId: from.id, path: '/' },
      destination: { remoteId: to.id, path: '/' },
    };
    const right = type === 'delete' ? { target: { remoteId: to.id, path: '/x' } } : places;
    const ids: string[] = [];
    for (const payload of payloads) {
      const { id } = await desk.start(type, right, { scheduledFor, maxRetries: 0 });
      await client.query(`update jobs set payload = $2, scheduled_for = now() where id = $1`, [
        id,
        JSON.stringify({ ...right, ...payload }),
      ]);
      ids.push(id);
    }
    const ends: string[] = [];
    for (const [index, id] of ids.entries()) {
      const { status, error } = await desk.ended(id);
      expect(await canary.harm(error ?? '', ...(await desk.log(id)))).toEqual([]);
      if (status !== 'failed') ends.push(`${status}: ${JSON.stringify(payloads[index])}`);
    }
    return ends;
  }

  /** Texts that a row of jsonb can hold. */
  const storable = (value: unknown): boolean =>
    !/\\u0000|\\u[dD][89a-fA-F]/.test(JSON.stringify(value)) && value !== undefined;

  it.each(JOB_TYPES)('give a job of type %s no other remote', async (type) => {
    const texts = remotesOnTheSpot(canary).filter(storable);
    expect(
      await forged(
        type,
        texts.map((remoteId) => ({ source: { remoteId, path: '/' } })),
      ),
    ).toEqual([]);
    expect(
      await forged(
        type,
        texts.map((remoteId) => ({ destination: { remoteId, path: '/' } })),
      ),
    ).toEqual([]);
  });

  it.each(JOB_TYPES)('give a job of type %s no path that leads out', async (type) => {
    const paths = REFUSED_PATHS.map((each) => each.path).filter(storable);
    const at = (remoteId: string) => (hostile: unknown) => ({ remoteId, path: hostile });
    expect(
      await forged(
        type,
        paths.map((one) => ({ source: at(from.id)(one) })),
      ),
    ).toEqual([]);
    expect(
      await forged(
        type,
        paths.map((one) => ({ destination: at(to.id)(one) })),
      ),
    ).toEqual([]);
  });

  it.each(JOB_TYPES)('give a job of type %s no options of rclone', async (type) => {
    const options = [...hostileJobOptions(canary), ...WRONG_OPTION_VALUES].filter(storable);
    expect(
      await forged(
        type,
        options.map((one) => ({ options: one })),
      ),
    ).toEqual([]);
  });

  it('delete nothing elsewhere', async () => {
    const texts = remotesOnTheSpot(canary).filter(storable);
    const paths = REFUSED_PATHS.map((each) => each.path).filter(storable);
    expect(
      await forged('delete', [
        ...texts.map((remoteId) => ({ target: { remoteId, path: '/x' } })),
        ...paths.map((one) => ({ target: { remoteId: from.id, path: one } })),
      ]),
    ).toEqual([]);
  });

  /** Remotes whose rows were changed: what looking into each answers, and how a copy from and to it ends. */
  async function misled(body: object, changes: readonly (readonly [column: string, value: string])[]) {
    const id = await desk.newRemote({ name: crypto.randomUUID(), ...body });
    const misleading: string[] = [];
    for (const [column, value] of changes) {
      await client.query(`update remotes set ${column} = $2, version = version + 1 where id = $1`, [
        id,
        value,
      ]);
      for (const place of ['files', 'files/content?path=/secret-of-the-canary.txt', 'usage']) {
        const answer = await app.call<unknown>('GET', `/api/remotes/${id}/${place}`);
        if (answer.status < 400) misleading.push(`${place} ${answer.status}: ${value}`);
        expect(await canary.harm(JSON.stringify(answer.body))).toEqual([]);
      }
      const checked = await app.call<{ status?: string }>('POST', `/api/remotes/${id}/check`);
      if (checked.body.status === 'online') misleading.push(`online: ${value}`);
      for (const [source, destination] of [
        [id, to.id],
        [from.id, id],
      ] as const) {
        const asked = await app.call<{ id: string }>('POST', '/api/jobs', {
          body: {
            type: 'copy',
            maxRetries: 0,
            payload: {
              source: { remoteId: source, path: '/' },
              destination: { remoteId: destination, path: '/' },
            },
          },
        });
        if (asked.status !== 202) continue;
        const { status } = await desk.ended(asked.body.id);
        if (status === 'completed') misleading.push(`${status}: ${value}`);
      }
      expect(await canary.harm()).toEqual([]);
    }
    return misleading;
  }

  it('open no folder of the server', async () => {
    const [root = ''] = app.settings.localRoots;
    const link = path.join(root, 'a link to the canary');
    await symlink(canary.folder, link);
    const folders = [...outsideFolders(canary, root), link, path.join(link, 'below')].filter(storable);
    await mkdir(path.join(root, 'own'));
    expect(
      await misled(
        { type: 'local', root: path.join(root, 'own') },
        folders.map((folder) => ['root', folder] as const),
      ),
    ).toEqual([]);
  });

  it('hand rclone no option that is not of the type', async () => {
    const webdav = { url: 'http://192.0.2.1/', vendor: 'other' };
    expect(
      await misled(
        { type: 'webdav', options: { url: 'https://example.org/' } },
        Object.entries(hostileRemoteOptions(canary)).map(
          ([name, value]) => ['options', JSON.stringify({ ...webdav, [name]: value })] as const,
        ),
      ),
    ).toEqual([]);
  });

  it('lead to no host inside, and to nothing that is no host', async () => {
    const { port } = canary;
    expect(
      await misled(
        { type: 'webdav', options: { url: 'https://example.org/' } },
        INTERNAL_HOSTS.map(
          (host) => ['options', JSON.stringify({ url: `http://${host}:${port}/` })] as const,
        ),
      ),
    ).toEqual([]);
    expect(
      await misled(
        {
          type: 'sftp',
          options: { host: 'files.example.org', user: 'u' },
          secrets: { password: 'p' },
        },
        [...INTERNAL_HOSTS, ...notHosts(canary)]
          .filter(storable)
          .map((host) => ['options', JSON.stringify({ host, port, user: 'u' })] as const),
      ),
    ).toEqual([]);
  });

  it('are not followed when a folder has become a link since', async () => {
    const folder = await desk.folder();
    await rename(folder.root, `${folder.root} before`);
    await symlink(canary.folder, folder.root);
    const answer = await app.call<unknown>('GET', `/api/remotes/${folder.id}/files`);
    expect(answer.status).toBe(403);
    const job = await desk.ended((await desk.copy(folder.id, to.id)).id);
    expect(job).toMatchObject({ status: 'failed', errorCode: 'transfer_permission' });
  });
});

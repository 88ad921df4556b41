import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Copies } from '../factories/copies.js';
import {
  INTERNAL_HOSTS,
  REFUSED_PATHS,
  hostileRemoteOptions,
  notHosts,
  outsideFolders,
  remotesOnTheSpot,
} from '../far-sides/attacks.js';
import { Canary } from '../far-sides/canary.js';
import { TestApp } from '../harness/app.js';

interface Refusal {
  readonly errors?: readonly { pointer: string }[];
}

/** What a client can say of a remote, and what rclone could be made to do with it. */
describe('hostile texts in the configuration of a remote', () => {
  let app: TestApp;
  let canary: Canary;
  let id: string;

  beforeAll(async () => {
    canary = await Canary.start();
    app = await TestApp.start();
    id = (await new Copies(app, 'hostile ').remote()).id;
  });
  afterEach(() => canary.assertUnharmed());
  afterAll(async () => {
    await app.stop();
    await canary.stop();
  });

  /** Asks for a remote, and tells the status with the fields that were named. */
  async function remote(body: object): Promise<[number, string[]]> {
    const answer = await app.call<Refusal | null>('POST', '/api/remotes', {
      body: { name: crypto.randomUUID(), ...body },
    });
    // A field may have more than one fault.
    const pointers = new Set((answer.body?.errors ?? []).map(({ pointer }) => pointer));
    return [answer.status, [...pointers].toSorted()];
  }

  const AS_THEY_SHOULD_BE = {
    sftp: { options: { host: 'files.example.org', user: 'u' }, secrets: { password: 'p' } },
    webdav: { options: { url: 'https://files.example.org/', user: 'u' }, secrets: { password: 'p' } },
    s3: {
      root: '/bucket',
      options: { provider: 'Other', accessKeyId: 'A', endpoint: 'https://s3.example.org' },
      secrets: { secretAccessKey: 's' },
    },
    ftp: { options: { host: 'files.example.org', user: 'u' }, secrets: { password: 'p' } },
    http: { options: { url: 'https://files.example.org/' } },
    local: {},
  } as const;
  type Type = keyof typeof AS_THEY_SHOULD_BE;
  const TYPES = Object.keys(AS_THEY_SHOULD_BE) as Type[];
  const changed = (type: Type, part: 'options' | 'secrets', change: object): object => {
    const right: { options?: object; secrets?: object } = AS_THEY_SHOULD_BE[type];
    return { type, ...right, [part]: { ...right[part], ...change } };
  };

  it.each(TYPES)('are no options of %s', async (type) => {
    for (const [name, value] of Object.entries(hostileRemoteOptions(canary)))
      for (const part of ['options', 'secrets'] as const) {
        const [status, pointers] = await remote(changed(type, part, { [name]: value }));
        expect([name, status]).toEqual([name, 400]);
        expect(pointers.some((pointer) => `/${part}/${name}`.startsWith(pointer))).toBe(true);
      }
  });

  it('are no fields of a remote', async () => {
    for (const field of ['config', 'parameters', 'fs', 'remote', 'upstreams', 'status', 'ownerId', 'version'])
      expect(await remote({ type: 'sftp', ...AS_THEY_SHOULD_BE.sftp, [field]: 'x' })).toEqual([
        400,
        [`/${field}`],
      ]);
  });

  it('are no types', async () => {
    for (const type of [...remotesOnTheSpot(canary), 'memory', 'cache', 'chunker', 'compress', 'hasher', ''])
      expect([type, ...(await remote({ type, root: '/' }))]).toEqual([type, 400, ['/type']]);
  });

  it.each(['sftp', 'ftp'] as const)('are no hosts of %s', async (type) => {
    for (const host of [...notHosts(canary), 7, null, {}])
      expect([host, ...(await remote(changed(type, 'options', { host })))]).toEqual([
        host,
        400,
        ['/options/host'],
      ]);
  });

  it.each([
    ['webdav', 'url'],
    ['http', 'url'],
    ['s3', 'endpoint'],
  ] as const)('are no address of %s', async (type, field) => {
    const schemes = [
      'file:///etc/passwd',
      'ftp://x/',
      'gopher://x/',
      'unix:///x',
      'javascript:1',
      '//x/',
      'x',
    ];
    const users = [
      'https://u:p@example.org/',
      'https://example.org\\@127.0.0.1/',
      'http://a b/',
      'http:///x',
    ];
    const lines = [
      'https://example.org/\nurl = http://x/',
      'https://example.org/\0',
      'https://example.org/#x',
    ];
    for (const address of [...schemes, ...users, ...lines, ...remotesOnTheSpot(canary)])
      expect([address, ...(await remote(changed(type, 'options', { [field]: address })))]).toEqual([
        address,
        400,
        [`/options/${field}`],
      ]);
  });

  it('lead to no host inside', async () => {
    for (const host of INTERNAL_HOSTS) {
      const bare = host.replace(/^\[|\]$/g, '');
      for (const [body, field] of [
        [changed('sftp', 'options', { host: bare, port: canary.port }), '/options/host'],
        [changed('ftp', 'options', { host: bare, port: canary.port }), '/options/host'],
        [changed('webdav', 'options', { url: `http://${host}:${canary.port}/` }), '/options/url'],
        [changed('http', 'options', { url: `http://${host}:${canary.port}/` }), '/options/url'],
        [changed('s3', 'options', { endpoint: `http://${host}:${canary.port}` }), '/options/endpoint'],
      ] as const)
        expect([body, ...(await remote(body))]).toEqual([body, 400, [field]]);
    }
  });

  it('are no folders of the server', async () => {
    const [root = ''] = app.settings.localRoots;
    const link = path.join(root, 'a link to the canary');
    await symlink(canary.folder, link);
    await mkdir(path.join(root, 'real'), { recursive: true });
    for (const folder of [...outsideFolders(canary, root), link, path.join(link, 'below')]) {
      const [status, pointers] = await remote({ type: 'local', root: folder });
      expect([folder, status, pointers]).toEqual([folder, 400, ['/root']]);
    }
  });

  it('are no folders of the far side that lead out', async () => {
    for (const { path: root } of REFUSED_PATHS)
      expect([root, ...(await remote({ ...AS_THEY_SHOULD_BE.webdav, type: 'webdav', root }))]).toEqual([
        root,
        400,
        ['/root'],
      ]);
  });

  it('are no changes of a remote', async () => {
    for (const [name, value] of Object.entries(hostileRemoteOptions(canary))) {
      const answer = await app.call<Refusal>('PATCH', `/api/remotes/${id}`, {
        body: { options: { [name]: value } },
        headers: { 'if-match': '*' },
      });
      expect([name, answer.status]).toEqual([name, 400]);
    }
  });

  it('are no names with more than one line', async () => {
    for (const name of ['a\nb', 'a\0b', '', ' ', 'x'.repeat(101), '\ud800', 7, null, {}])
      expect([name, ...(await remote({ type: 'sftp', ...AS_THEY_SHOULD_BE.sftp, name }))]).toEqual([
        name,
        400,
        ['/name'],
      ]);
  });
});

import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApp, type Answer, type CallOptions } from '../../../../test/harness/app.js';
import { MemoryEngine } from '../../../../test/harness/memory-engine.js';
import { newId } from '../../../kernel/database/index.js';
import { TransferError } from '../engine/transfer-engine.js';
import type { FileView } from './files.schema.js';

let app: TestApp;
let engine: MemoryEngine;
let id: string;

beforeAll(async () => {
  app = await TestApp.start();
  engine = MemoryEngine.in(app);
});
afterAll(() => app.stop());

let made = 0;
beforeEach(async () => {
  engine.files.clear();
  const body = {
    type: 'local',
    name: `files ${++made}`,
    root: path.join(app.settings.localRoots[0] ?? '', 'files'),
  };
  ({ id } = (await app.call<{ id: string }>('POST', '/api/remotes', { body })).body);
  engine.asked.length = 0;
});

interface Body extends FileView {
  readonly items: FileView[];
  readonly nextCursor: string | null;
  readonly code: string;
  readonly detail: string;
}

const call = (method: string, place: string, options?: CallOptions): Promise<Answer<Body>> =>
  app.call<Body>(method, `/api/remotes/${id}/files${place}`, options);
const at = (file: string): string => `?path=${encodeURIComponent(file)}`;
const names = async (place = '', options?: CallOptions): Promise<string[]> =>
  (await call('GET', place, options)).body.items.map(({ name }) => name);
const code = async (method: string, place: string, options?: CallOptions): Promise<[number, string]> => {
  const { status, body } = await call(method, place, options);
  return [status, body.code];
};

async function audited(): Promise<[string, string, object][]> {
  const { body } = await app.call<{ items: { action: string; result: string; details: object }[] }>(
    'GET',
    `/api/audit-logs?resourceId=${id}`,
  );
  return body.items
    .filter(({ action }) => action !== 'remote.create')
    .map(({ action, result, details }) => [action, result, details]);
}

describe('one listing for everybody', () => {
  it('serves two people with different rules from one look at the storage', async () => {
    for (const name of ['a', 'public/b', 'secret/c']) engine.put(name, 'x');
    const { id: userId, token } = await app.user();
    const rights = { permissions: ['read'], pathRules: [{ path: '/secret', deny: ['read'] }] };
    await app.call('PUT', `/api/remotes/${id}/permissions/${userId}`, { body: rights });
    expect(await names()).toEqual(['a', 'public', 'secret']);
    expect(await names('', { token })).toEqual(['a', 'public']);
    expect(engine.asked).toEqual(['list ']);
    // What may not be seen is told in the words of what is not there, without a look.
    for (const place of ['', '/stat', '/content']) {
      const hidden = await call('GET', `${place}${at('/secret')}`, { token });
      const missing = await call('GET', `${place}${at('/no')}`, { token });
      expect([hidden.status, hidden.body.code]).toEqual([404, 'file_not_found']);
      expect(hidden.body.detail.replace('/secret', '/no')).toBe(missing.body.detail);
    }
    expect(engine.asked).not.toContain('list secret');
    expect(engine.asked).not.toContain('stat secret');
    engine.asked.length = 0;
    expect(await names('?limit=1', { token })).toEqual(['a']);
    const { nextCursor } = (await call('GET', '?limit=1', { token })).body;
    const second = (await call('GET', `?limit=1&cursor=${nextCursor}`, { token })).body;
    expect([second.items.map(({ name }) => name), second.nextCursor]).toEqual([['public'], null]);
  });

  it('asks once for all who ask at the same moment, and again after each change here', async () => {
    engine.put('a/b', 'x');
    await Promise.all([names(at('/a')), names(at('/a')), names(at('/a'))]);
    expect(engine.asked).toEqual(['list a']);
    await call('POST', '/folders', { body: { path: '/a/new' } });
    expect(await names(at('/a'))).toEqual(['b', 'new']);
    await call('POST', '/rename', { body: { from: '/a/b', to: '/a/c' } });
    expect(await names(at('/a'))).toEqual(['c', 'new']);
    await call('DELETE', at('/a/c'));
    expect(await names(at('/a'))).toEqual(['new']);
    await names();
    engine.asked.length = 0;
    await call('POST', '/folders', { body: { path: '/elsewhere' } });
    await names(at('/a'));
    expect(engine.asked.filter((one) => one.startsWith('list'))).toEqual([]);
    expect(await names()).toEqual(['a', 'elsewhere']);
  });

  it('is looked at again when a change ended in an error', async () => {
    engine.put('a', 'x');
    await names();
    engine.failures.set('remove', new TransferError('temporary', 'The line broke.'));
    expect((await call('DELETE', at('/a'))).status).toBe(503);
    await names();
    expect(engine.asked.filter((one) => one === 'list ')).toHaveLength(2);
  });

  it('pages through ten thousand files without another look', async () => {
    for (let number = 0; number < 10_000; number++)
      engine.put(`many/f${String(number).padStart(5, '0')}`, '');
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await call('GET', `${at('/many')}&limit=100${cursor}`);
      seen.push(...body.items.map(({ name }) => name));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    expect([seen.length, new Set(seen).size, seen[0], seen.at(-1)]).toEqual([
      10_000,
      10_000,
      'f00000',
      'f09999',
    ]);
    expect(engine.asked).toEqual(['list many']);
  });

  it('refuses a cursor that no page gave', async () => {
    for (const cursor of ['x', 'a'.repeat(12_001), '%00'])
      expect((await call('GET', `?cursor=${cursor}`)).status).toBe(400);
  });
});

describe('one file', () => {
  it('is told as it is now', async () => {
    engine.put('folder/파일 [1].txt', 'abc');
    const { status, body } = await call('GET', `/stat${at('/folder/파일 [1].txt')}`);
    expect([status, body]).toEqual([
      200,
      {
        name: '파일 [1].txt',
        path: '/folder/파일 [1].txt',
        size: 3,
        isDir: false,
        modifiedAt: '2026-11-20T09:00:00.000Z',
      },
    ]);
    expect((await call('GET', '/stat')).body).toMatchObject({ path: '/', isDir: true, size: null });
    expect(await code('GET', `/stat${at('/no')}`)).toEqual([404, 'file_not_found']);
  });

  it('is renamed to where nothing is', async () => {
    engine.put('a', 'abc');
    engine.put('b', 'x');
    const rename = (from: string, to: string): Promise<[number, string]> =>
      code('POST', '/rename', { body: { from, to } });
    const done = await call('POST', '/rename', { body: { from: '/a', to: '/new/c' } });
    expect([done.status, done.body]).toMatchObject([200, { name: 'c', path: '/new/c', size: 3 }]);
    expect(await rename('/a', '/d')).toEqual([404, 'file_not_found']);
    expect(await rename('/b', '/new/c')).toEqual([409, 'file_exists']);
    expect(await rename('/new', '/other')).toEqual([409, 'is_a_folder']);
    expect(await rename('/b', '/b')).toEqual([400, 'validation_failed']);
    expect(await rename('/', '/x')).toEqual([409, 'is_the_root']);
    expect(await rename('/b', '/')).toEqual([409, 'is_the_root']);
    expect(await audited()).toEqual([['remote.file_rename', 'success', { from: '/a', to: '/new/c' }]]);
  });

  it('is deleted, as is an empty folder, but no other', async () => {
    engine.put('a/b', 'x');
    const full = await call('DELETE', at('/a'));
    expect([full.status, full.body.code]).toEqual([409, 'folder_not_empty']);
    expect(full.body.detail).toContain('job of the type delete');
    expect((await call('DELETE', at('/a/b'))).status).toBe(204);
    expect((await call('DELETE', at('/a'))).status).toBe(204);
    expect(await code('DELETE', at('/a'))).toEqual([404, 'file_not_found']);
    expect(await code('DELETE', '')).toEqual([409, 'is_the_root']);
    expect((await audited()).map(([action, , details]) => [action, details])).toEqual([
      ['remote.file_delete', { path: '/a' }],
      ['remote.file_delete', { path: '/a/b' }],
    ]);
  });
});

describe('a new folder', () => {
  it('is made with those above it, and is no error when it is there', async () => {
    const first = await call('POST', '/folders', { body: { path: '/x/y ü' } });
    expect(first).toMatchObject({ status: 201, body: { name: 'y ü', path: '/x/y ü', isDir: true } });
    expect(first.headers.get('location')).toBe(`/api/remotes/${id}/files?path=%2Fx%2Fy%20%C3%BC`);
    expect((await call('POST', '/folders', { body: { path: '/x' } })).status).toBe(201);
    engine.put('file', 'x');
    expect(await code('POST', '/folders', { body: { path: '/file' } })).toEqual([409, 'file_exists']);
  });

  it('is audited once however often a key repeats it', async () => {
    const headers = { 'idempotency-key': newId() };
    const make = (name: string): Promise<Answer<Body>> =>
      call('POST', '/folders', { body: { path: name }, headers });
    const [first, second] = [await make('/once'), await make('/once')];
    expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(second.body).toEqual(first.body);
    expect((await make('/other')).status).toBe(422);
    expect((await audited()).map(([, , details]) => details)).toEqual([{ path: '/once' }]);
  });
});

describe('troubles of the storage', () => {
  it.each([
    [new TransferError('temporary', 'Nobody answers.'), 503, 'transfer_temporary'],
    [new TransferError('unavailable', 'Install rclone.'), 503, 'rclone_unavailable'],
    [new TransferError('auth', 'Wrong password.'), 409, 'remote_auth_error'],
    [new TransferError('permission', 'Denied.'), 403, 'transfer_permission'],
    [new TransferError('not_supported', 'It cannot.'), 422, 'transfer_not_supported'],
    [new TransferError('fatal', 'write: no space left on device'), 507, 'storage_full'],
    [
      new TransferError('fatal', 'googleapi: storageQuotaExceeded: quota has been exceeded'),
      507,
      'storage_full',
    ],
  ])('%s is %i %s', async (failure, status, word) => {
    for (const [method, place, question, options] of [
      ['GET', '', 'list', {}],
      ['GET', '/stat', 'stat', {}],
      ['GET', '/content', 'stat', {}],
      ['DELETE', at('/a'), 'remove', {}],
      ['POST', '/folders', 'makeFolder', { body: { path: '/a' } }],
      ['POST', '/rename', 'stat', { body: { from: '/a', to: '/b' } }],
    ] as const) {
      engine.failures.set(question, failure);
      const answer = await call(method, place, options);
      expect([method, place, answer.status, answer.body.code]).toEqual([method, place, status, word]);
      expect(answer.headers.has('retry-after')).toBe(status === 503);
    }
    expect(await audited()).toEqual([]);
  });
});

describe('paths that nobody may send', () => {
  const BAD = [
    '/..',
    '/a/../b',
    '/．．/b',
    '/a/\u0000',
    '/a\nb',
    '/a\u007f',
    `/${'x'.repeat(4_096)}`,
    `/${'한'.repeat(1_366)}`,
  ];
  it.each(BAD)('%.20j', async (bad) => {
    for (const place of ['', '/stat', '/content'])
      expect([place, (await call('GET', `${place}${at(bad)}`)).status]).toEqual([place, 400]);
    expect((await call('DELETE', at(bad))).status).toBe(400);
    expect((await call('PUT', `/content${at(bad)}`, { body: 'x' })).status).toBe(400);
    expect((await call('POST', '/folders', { body: { path: bad } })).status).toBe(400);
    for (const body of [
      { from: bad, to: '/a' },
      { from: '/a', to: bad },
    ])
      expect((await call('POST', '/rename', { body })).status).toBe(400);
    expect(engine.asked).toEqual([]);
  });

  it('half a character', async () => {
    expect((await call('POST', '/folders', { body: { path: '/\ud800' } })).status).toBe(400);
    expect((await call('GET', '/stat?path=%ED%A0%80')).status).toBe(404);
    expect((await call('GET', '/stat?path=%2e%2e%2f')).status).toBe(400);
    expect((await call('GET', '/stat?path[]=a')).status).toBe(400);
    expect((await call('GET', '/stat?path=a&path=b')).status).toBe(400);
    expect((await call('GET', '/stat?path=a&other=b')).status).toBe(400);
  });

  it('but those that only look so are names', async () => {
    const odd = [
      '/%2e%2e%2f',
      '/%252e',
      '/-rf',
      '/[a]{b}*?',
      '/cafe\u0301',
      '/café',
      '/한국어',
      '/…',
      '/a:b',
      '/:x',
    ];
    for (const name of odd) engine.put(name, 'x');
    for (const name of odd) {
      const { status, body } = await call('GET', `/stat${at(name)}`);
      expect([status, body.path]).toEqual([200, name]);
    }
    expect((await names()).toSorted()).toEqual(odd.map((name) => name.slice(1)).toSorted());
  });
});

describe('how full a remote is', () => {
  it('is asked once in five minutes, after a change, and when somebody wants it fresh', async () => {
    const { body: remote } = await app.call<{ id: string }>('GET', `/api/remotes/${id}`);
    const usage = async (query = ''): Promise<{ total: number }> =>
      (await app.call<{ total: number }>('GET', `/api/remotes/${remote.id}/usage${query}`)).body;
    expect((await usage()).total).toBeGreaterThan(0);
    expect((await usage('?fresh=true')).total).toBeGreaterThan(0);
    expect((await app.call('GET', `/api/remotes/${id}/usage?fresh=yes`)).status).toBe(400);
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rclonePresent } from '../../../test/harness/capabilities.js';
import { S3TestServer } from '../../../test/harness/s3-server.js';
import { FileMissingError, type FileStore } from './file-store.js';
import { LocalStore } from './local-store.js';
import { S3Store } from './s3-store.js';

let server: S3TestServer;
let folder: string;
beforeAll(async () => {
  server = await S3TestServer.start();
  folder = await mkdtemp(path.join(tmpdir(), 'steward-store-'));
});
afterEach(() => {
  server.fault = () => null;
  server.pageSize = 1000;
  server.requests.length = 0;
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function* chunksOf(...chunks: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function keysOf(store: FileStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.toSorted();
}

const read = async (store: FileStore, key: string, range?: { start: number; end?: number }) =>
  String(await buffer(await store.get(key, range)));

describe.each([
  [
    'a folder',
    () => new LocalStore(path.join(folder, 'store'), () => performance.timeOrigin + performance.now()),
  ],
  ['a bucket', () => new S3Store(server.address)],
])('a store in %s', (_, make) => {
  let store: FileStore;
  beforeAll(() => {
    store = make();
  });

  it('gives back what was put, and tells how much it was', async () => {
    const text = 'سلام 안녕 สวัสดี привет 🙂 \0';
    const written = await store.put('some/file.txt', chunksOf(text.slice(0, 7), text.slice(7)));
    expect(written).toEqual({
      bytes: Buffer.byteLength(text),
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    expect(await read(store, 'some/file.txt')).toBe(text);
    expect(await store.stat('some/file.txt')).toMatchObject({ key: 'some/file.txt', bytes: written.bytes });
  });

  it('keeps an empty file', async () => {
    expect((await store.put('some/empty', chunksOf())).bytes).toBe(0);
    expect(await read(store, 'some/empty')).toBe('');
    expect(await store.stat('some/empty')).toMatchObject({ bytes: 0 });
  });

  it('gives parts of a file', async () => {
    await store.put('some/digits', chunksOf('0123456789'));
    expect(await read(store, 'some/digits', { start: 3 })).toBe('3456789');
    expect(await read(store, 'some/digits', { start: 3, end: 5 })).toBe('34');
    expect(await read(store, 'some/digits', { start: 0, end: 1 })).toBe('0');
    expect(await read(store, 'some/digits', { start: 8, end: 1000 })).toBe('89');
    expect(await read(store, 'some/digits', { start: 10 })).toBe('');
    expect(await read(store, 'some/digits', { start: 5, end: 5 })).toBe('');
  });

  it('replaces a file as a whole', async () => {
    await store.put('some/changing', chunksOf('a longer first version'));
    await store.put('some/changing', chunksOf('second'));
    expect(await read(store, 'some/changing')).toBe('second');
  });

  it('carries megabytes in pieces of any size', async () => {
    const bytes = randomBytes(19 * 1024 * 1024 + 17);
    const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 9_000_000), bytes.subarray(9_000_000)];
    const { sha256 } = await store.put('some/large', chunksOf(...pieces));
    expect(
      createHash('sha256')
        .update(await buffer(await store.get('some/large')))
        .digest('hex'),
    ).toBe(sha256);
    const part = await buffer(await store.get('some/large', { start: 8_388_600, end: 8_388_700 }));
    expect(part.equals(bytes.subarray(8_388_600, 8_388_700))).toBe(true);
  });

  it('shows nothing of a file that was not finished, and leaves the old one in place', async () => {
    async function* breaking(size: number): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(size);
      throw new Error('the source broke');
    }
    await store.put('broken/old', chunksOf('old'));
    for (const size of [10, 20 * 1024 * 1024]) {
      await expect(store.put('broken/new', breaking(size))).rejects.toThrow('the source broke');
      await expect(store.put('broken/old', breaking(size))).rejects.toThrow('the source broke');
    }
    expect(await keysOf(store, 'broken/')).toEqual(['broken/old']);
    expect(await read(store, 'broken/old')).toBe('old');
    expect(server.uploads.size).toBe(0);
  });

  it('does not show a file while it is being written', async () => {
    let seen: unknown;
    async function* watched(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(9 * 1024 * 1024);
      yield Buffer.alloc(9 * 1024 * 1024);
      seen = [await store.stat('watched/file'), await keysOf(store, 'watched/')];
    }
    await store.put('watched/file', watched());
    expect(seen).toEqual([null, []]);
    expect(await keysOf(store, 'watched/')).toEqual(['watched/file']);
  });

  it('lists what lies below a prefix and nothing beside it', async () => {
    server.pageSize = 2;
    const keys = ['list/a', 'list/b/1', 'list/b/2', 'list/b/c/3', 'list/d'];
    for (const key of [...keys, 'list-other/x']) await store.put(key, chunksOf(key));
    expect(await keysOf(store, 'list/')).toEqual(keys);
    expect(await keysOf(store, 'list/b/')).toEqual(keys.slice(1, 4));
    expect(await keysOf(store, 'nothing/')).toEqual([]);
  });

  it('forgets a file, also one that is not there', async () => {
    await store.put('some/gone', chunksOf('x'));
    await store.delete('some/gone');
    await store.delete('some/gone');
    expect(await store.stat('some/gone')).toBeNull();
    await expect(store.get('some/gone')).rejects.toThrow(FileMissingError);
    await expect(store.get('some/never/was')).rejects.toThrow(FileMissingError);
  });

  it.each([
    '',
    '/',
    '/absolute',
    '../up',
    'a/../b',
    'a/./b',
    'a//b',
    'a/',
    '.hidden',
    'a/.unfinished',
    'UPPER',
    'with space',
    'back\\slash',
    'nul\0',
    'سلام',
    'percent%2e%2e',
    'x'.repeat(201),
    `${'x/'.repeat(250)}x`,
  ])('takes no key %j', async (key) => {
    const reason = /not a key of the store/;
    await expect(store.put(key, chunksOf('x'))).rejects.toThrow(reason);
    await expect(store.get(key)).rejects.toThrow(reason);
    await expect(store.stat(key)).rejects.toThrow(reason);
    await expect(store.delete(key)).rejects.toThrow(reason);
    await expect(keysOf(store, `${key}/`)).rejects.toThrow(/not a (key|prefix)/);
  });

  it('can be checked', async () => {
    await store.check();
    expect(await keysOf(store, 'check/')).toEqual([]);
  });

  it('settles writers of one key at the same time on one of them', async () => {
    const texts = Array.from({ length: 8 }, (__, index) => `${index}`.repeat(100_000));
    await Promise.all(texts.map((text) => store.put('some/contested', chunksOf(text))));
    expect(texts).toContain(await read(store, 'some/contested'));
  });
});

describe('a store in a folder', () => {
  it('removes what a process left unfinished, once that is a day old', async () => {
    const root = path.join(folder, 'abandoned');
    await mkdir(path.join(root, '.unfinished'), { recursive: true });
    for (const name of ['old', 'new']) await writeFile(path.join(root, '.unfinished', name), 'x');
    await utimes(path.join(root, '.unfinished', 'old'), 1_000_000, 1_000_000);
    await new LocalStore(root, () => 1_000_000_000 + 86_400_001).check();
    expect(await readdir(path.join(root, '.unfinished'))).toEqual(['new']);
  });

  it('says so when it cannot write', async () => {
    const file = path.join(folder, 'a-file');
    await writeFile(file, 'x');
    await chmod(file, 0o400);
    const store = new LocalStore(path.join(file, 'store'), () => 0);
    await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable', status: 503 });
  });
});

describe('a store in a bucket', () => {
  it('is refused with a wrong secret, and says so', async () => {
    const store = new S3Store({ ...server.address, secretKey: 'wrong' });
    await expect(store.check()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('SignatureDoesNotMatch') as string,
    });
    await expect(store.stat('a/b')).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('does not take a bucket that is missing for a file that is', async () => {
    const store = new S3Store({ ...server.address, bucket: 'another' });
    await expect(store.get('a/b')).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(store.put('a/b', chunksOf('x'))).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(store.stat('a/b')).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(keysOf(store, 'a/')).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('is out of reach without a service', async () => {
    const store = new S3Store({ ...server.address, endpoint: 'http://127.0.0.1:9' });
    await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable', status: 503 });
  });

  it.each([
    ['a part is refused', /partNumber=2/, { status: 500, code: 'InternalError' }],
    ['a part is cut off', /partNumber=2/, 'cut'],
    ['the end is refused', /^POST .*uploadId=/, { status: 500, code: 'InternalError' }],
    ['the end fails although it says 200', /^POST .*uploadId=/, { status: 200, code: 'InternalError' }],
  ] as const)('gives an upload up when %s, and has its parts thrown away', async (_, place, fault) => {
    server.fault = (request) => (place.test(request) ? fault : null);
    const store = new S3Store(server.address);
    await expect(store.put('faults/file', chunksOf(randomBytes(20 * 1024 * 1024)))).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect([server.objects.has('faults/file'), server.uploads.size]).toEqual([false, 0]);
  });
});

describe.skipIf(!rclonePresent())('rclone, which brings the SDK of AWS', () => {
  const rclone = async (...words: string[]): Promise<string> => {
    const { endpoint, region, accessKey, secretKey } = server.address;
    const { stdout } = await promisify(execFile)(
      process.env['RCLONE_PATH'] ?? 'rclone',
      [...words, '--config', '/dev/null', '--retries', '1', '--low-level-retries', '1'],
      {
        env: {
          PATH: process.env['PATH'],
          RCLONE_S3_PROVIDER: 'Other',
          RCLONE_S3_ENDPOINT: endpoint,
          RCLONE_S3_REGION: region,
          RCLONE_S3_ACCESS_KEY_ID: accessKey,
          RCLONE_S3_SECRET_ACCESS_KEY: secretKey,
        },
      },
    );
    return stdout;
  };

  it('reads what the store wrote, and the store reads what rclone wrote: the server of the tests speaks S3', async () => {
    const store = new S3Store(server.address);
    const bytes = randomBytes(9 * 1024 * 1024);
    await store.put('ours/large', chunksOf(bytes));
    const copy = path.join(folder, 'from-rclone');
    await rclone('copyto', `:s3:${server.bucket}/ours/large`, copy);
    expect((await readFile(copy)).equals(bytes)).toBe(true);
    await rclone('copyto', copy, `:s3:${server.bucket}/theirs/large`);
    expect((await buffer(await store.get('theirs/large'))).equals(bytes)).toBe(true);
    expect((await rclone('lsf', '-R', '--files-only', `:s3:${server.bucket}/theirs`)).trim()).toBe('large');
    await rclone('deletefile', `:s3:${server.bucket}/theirs/large`);
    expect(await store.stat('theirs/large')).toBeNull();
  });
});

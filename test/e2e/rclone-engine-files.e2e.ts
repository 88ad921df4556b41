import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileNotFound, type EngineRemote } from '../../src/modules/remotes/engine/transfer-engine.js';
import { parseRemotePath as path } from '../../src/modules/remotes/remote-path.js';
import { base, engine, failure, localRemote, rcloneIsInstalled, write } from './rclone-engine.js';
import { type Served, remoteOf, serve } from './rclone-served.js';

const never = new AbortController().signal;
/** Names as rclone shows them: it writes a line break as its picture. */
const HARD_NAMES = [
  'a b.txt',
  '#%;?&=.x',
  '[br]{ac}(k)',
  '-dash',
  '한국어',
  'e\u0301-nfd',
  '\u00e9-nfc',
  '😀',
  'new\u240aline',
  'q"uo\'te',
  'back\\slash',
  '%41',
  '+plus',
  'ไทย',
  'русский',
  'فارسی',
  'r1:x',
  ':local:x',
  'a,b=c',
];

interface Place {
  remote: EngineRemote;
  /** Where the files of the remote are on this machine; null where they are not as they seem. */
  files: string | null;
}

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: single files', () => {
  const served: Served[] = [];
  const places = new Map<string, Place>();
  beforeAll(async () => {
    const folder = join(base, 'files');
    const root = join(folder, 'local');
    await mkdir(root, { recursive: true });
    const local = localRemote('local', root);
    const [sftp, webdav] = await Promise.all([serve(folder, 'sftp'), serve(folder, 'webdav')]);
    served.push(sftp, webdav);
    const part = (remote: EngineRemote, below: string, name: string | null = null, readOnly = false) => ({
      remote,
      path: path(below),
      name,
      readOnly,
    });
    const secrets = { password: 'of "crypt" %\n한', password2: 'salt' };
    const composed = (
      id: string,
      type: 'alias' | 'crypt' | 'union' | 'combine',
      parts: object[],
      options = {},
    ) => remoteOf(id, type, options, { root: '', parts: parts as EngineRemote['parts'] });
    const alias = composed('alias', 'alias', [part(sftp.remote, 'in an alias')]);
    await mkdir(join(sftp.files, 'in an alias'));
    await mkdir(join(webdav.files, 'encrypted it'));
    places.set('local', { remote: local, files: root });
    places.set('sftp', { remote: sftp.remote, files: sftp.files });
    places.set('webdav', { remote: webdav.remote, files: webdav.files });
    places.set('alias', { remote: alias, files: join(sftp.files, 'in an alias') });
    places.set('crypt', {
      remote: composed('crypt', 'crypt', [part(webdav.remote, 'encrypted it')], secrets),
      files: null,
    });
    places.set('crypt over alias', {
      remote: composed('crypt2', 'crypt', [part(alias, 'x')], {
        ...secrets,
        filename_encryption: 'obfuscate',
      }),
      files: null,
    });
    await mkdir(join(root, 'u 1'));
    await mkdir(join(root, 'u"2:ro'));
    places.set('union', {
      remote: composed('union', 'union', [part(local, 'u 1'), part(local, 'u"2:ro', null, true)], {
        create_policy: 'ff',
      }),
      files: join(root, 'u 1'),
    });
  });
  afterAll(() => {
    for (const server of served) server.stop();
  });

  const each = ['local', 'sftp', 'webdav', 'alias', 'crypt', 'crypt over alias', 'union'];
  const place = (name: string): Place => {
    const found = places.get(name);
    if (found === undefined) throw new Error(`no place ${name}`);
    return found;
  };
  const put = (remote: EngineRemote, to: string, content: string | Buffer) =>
    engine.write(remote, path(to), Readable.from([content]), never);

  it.each(each)('%s: writes, shows, reads, renames and removes a file of any name', async (where) => {
    const { remote, files } = place(where);
    await engine.makeFolder(remote, path('hard/names'));
    await engine.makeFolder(remote, path('hard/names'));
    for (const name of HARD_NAMES) {
      const written = await put(remote, `hard/names/${name}`, `content of ${name}`);
      expect(written).toMatchObject({ name, path: `hard/names/${name}`, isDir: false });
    }
    const listed = await engine.list(remote, path('hard/names'));
    expect(listed.map(({ name }) => name).toSorted()).toEqual(HARD_NAMES.toSorted());
    for (const name of HARD_NAMES) {
      const whole = await text(await engine.read(remote, path(`hard/names/${name}`), null));
      expect(whole).toBe(`content of ${name}`);
    }
    await engine.rename(remote, path('hard/names/#%;?&=.x'), path('hard/other/[new] 한'));
    expect(await engine.stat(remote, path('hard/names/#%;?&=.x'))).toBeNull();
    expect(await text(await engine.read(remote, path('hard/other/[new] 한'), null))).toBe(
      'content of #%;?&=.x',
    );
    const onDisk = files === null ? ['new\nline'] : await readdir(join(files, 'hard/names'));
    expect(onDisk).toContain('new\nline');
    for (const name of HARD_NAMES.filter((one) => one !== '#%;?&=.x'))
      await engine.remove(remote, path(`hard/names/${name}`));
    await engine.remove(remote, path('hard/names'));
    await engine.remove(remote, path('hard/other/[new] 한'));
    await engine.remove(remote, path('hard/other'));
    expect(await engine.list(remote, path('hard'))).toEqual([]);
  });

  it.each(each)('%s: reads parts of a file, as they are asked for', async (where) => {
    const { remote } = place(where);
    const content = randomBytes(300_000);
    await put(remote, 'parts', content);
    const read = async (from: number, to: number) =>
      buffer(await engine.read(remote, path('parts'), { from, to }));
    for (const [from, to] of [
      [0, 0],
      [100_000, 250_000],
      [299_999, 299_999],
    ] as const)
      expect((await read(from, to)).equals(content.subarray(from, to + 1))).toBe(true);
    expect((await buffer(await engine.read(remote, path('parts'), null))).equals(content)).toBe(true);
    for (const nothing of ['nowhere', 'parts/below', '/', 'no/where'])
      await expect(engine.read(remote, path(nothing), null)).rejects.toThrow(FileNotFound);
    await engine.makeFolder(remote, path('a folder'));
    await expect(engine.read(remote, path('a folder'), null)).rejects.toThrow(FileNotFound);
  });

  it.each(each)('%s: replaces a file whole, or leaves it', async (where) => {
    const { remote } = place(where);
    await put(remote, 'replaced/file', 'the first');
    await put(remote, 'replaced/file', 'the other');
    expect(await text(await engine.read(remote, path('replaced/file'), null))).toBe('the other');

    const sizes = [10, 150_000, 400_000];
    for (const size of sizes) {
      const broken = Readable.from(
        (function* () {
          yield Buffer.alloc(size);
          throw new Error('the client is gone');
        })(),
      );
      const error = await failure(engine.write(remote, path('replaced/file'), broken, never));
      expect(error.kind).toBe('temporary');
    }
    const abort = new AbortController();
    const hanging = new Readable({ read() {} });
    hanging.push(Buffer.alloc(200_000));
    const writing = failure(engine.write(remote, path('replaced/file'), hanging, abort.signal, 300_000));
    abort.abort();
    expect((await writing).kind).toBe('cancelled');
    expect(hanging.destroyed).toBe(true);

    const wrong = Readable.from([Buffer.alloc(200_000)]);
    expect((await failure(engine.write(remote, path('replaced/file'), wrong, never, 250_000))).kind).toBe(
      'temporary',
    );
    const tooMuch = Readable.from([Buffer.alloc(200_000), Buffer.alloc(200_000)]);
    expect((await failure(engine.write(remote, path('replaced/file'), tooMuch, never, 250_000))).kind).toBe(
      'temporary',
    );

    expect(await text(await engine.read(remote, path('replaced/file'), null))).toBe('the other');
    expect((await engine.list(remote, path('replaced'))).map(({ name }) => name)).toEqual(['file']);
    for (const size of [0, 1, 131_072, 131_073]) {
      expect(await put(remote, 'replaced/file', Buffer.alloc(size, 'x'))).toMatchObject({ size });
      expect((await buffer(await engine.read(remote, path('replaced/file'), null))).length).toBe(size);
    }
  });

  it.each(each)('%s: tells what is in the way', async (where) => {
    const { remote } = place(where);
    await put(remote, 'way/a', 'a');
    await put(remote, 'way/b', 'b');
    const kind = async (work: Promise<unknown>) => (await failure(work)).kind;
    expect(await kind(engine.rename(remote, path('way/a'), path('way/b')))).toBe('exists');
    expect(await kind(engine.rename(remote, path('way/a'), path('way/a')))).toBe('exists');
    expect(await kind(engine.rename(remote, path('way/a'), path('way')))).toBe('exists');
    expect(await kind(engine.rename(remote, path('way'), path('other')))).toBe('not_supported');
    await expect(engine.rename(remote, path('way/c'), path('way/d'))).rejects.toThrow(FileNotFound);
    expect(await kind(engine.remove(remote, path('way')))).toBe('exists');
    await expect(engine.remove(remote, path('way/c'))).rejects.toThrow(FileNotFound);
    expect(await kind(engine.remove(remote, path('/')))).toBe('permission');
    expect(await kind(engine.makeFolder(remote, path('way/a')))).toBe('exists');
    expect(await kind(engine.makeFolder(remote, path('way/a/below')))).toBe('exists');
    expect(await kind(put(remote, 'way', 'x'))).toBe('exists');
    expect(await text(await engine.read(remote, path('way/a'), null))).toBe('a');
    expect(await text(await engine.read(remote, path('way/b'), null))).toBe('b');
    await engine.probe(remote);
    await engine.usage(remote);
    expect(await engine.stat(remote, path('/'))).toMatchObject({ isDir: true, path: '' });
  });

  it('keeps to what the parts of a remote are: names, and what is not written to', async () => {
    const { remote: local, files } = place('local');
    const { remote: webdav } = place('webdav');
    const combine = remoteOf(
      'combine',
      'combine',
      {},
      {
        root: '',
        parts: [
          { remote: local, path: path('c1'), name: 'on "the" disk', readOnly: false },
          { remote: webdav, path: path('c2'), name: 'elsewhere', readOnly: false },
        ],
      },
    );
    await write(files ?? '', { 'c1/x': 'x' });
    await engine.makeFolder(webdav, path('c2'));
    expect((await engine.list(combine, path('/'))).map(({ name }) => name).toSorted()).toEqual([
      'elsewhere',
      'on "the" disk',
    ]);
    await put(combine, 'elsewhere/deep/file', 'far');
    expect(await text(await engine.read(webdav, path('c2/deep/file'), null))).toBe('far');
    await engine.rename(combine, path('elsewhere/deep/file'), path('on "the" disk/file'));
    expect(await readFile(join(files ?? '', 'c1/file'), 'utf8')).toBe('far');

    const { remote: union } = place('union');
    await writeFile(join(files ?? '', 'u"2:ro/only here'), 'read only');
    expect(await text(await engine.read(union, path('only here'), null))).toBe('read only');
    expect((await failure(engine.remove(union, path('only here')))).kind).toMatch(/permission|not_supported/);
  });

  it('only reads what can only be read', async () => {
    const http = await serve(join(base, 'files'), 'http');
    served.push(http);
    await write(http.files, { 'd/a b#%.txt': '0123456789' });
    const { remote } = http;
    expect(await engine.list(remote, path('d'))).toMatchObject([{ name: 'a b#%.txt', size: 10 }]);
    expect(await text(await engine.read(remote, path('d/a b#%.txt'), { from: 2, to: 4 }))).toBe('234');
    const kind = async (work: Promise<unknown>) => (await failure(work)).kind;
    expect(await kind(put(remote, 'd/new', 'x'))).toBe('not_supported');
    expect(await kind(engine.remove(remote, path('d/a b#%.txt')))).toBe('not_supported');
    expect(await kind(engine.rename(remote, path('d/a b#%.txt'), path('d/b')))).toBe('not_supported');
    expect(await kind(engine.makeFolder(remote, path('e')))).toBe('not_supported');
    expect(await engine.usage(remote)).toEqual({ total: null, used: null, free: null });
  });
});

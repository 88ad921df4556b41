import { once } from 'node:events';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { RcloneBinary } from '../../src/modules/remotes/engine/rclone-binary.js';
import { RcloneProcess } from '../../src/modules/remotes/engine/rclone-process.js';
import { RcloneEngine } from '../../src/modules/remotes/engine/rclone-engine.js';
import { TokenWatch } from '../../src/modules/remotes/engine/token-watch.js';
import { FileNotFound, type EngineRemote } from '../../src/modules/remotes/engine/transfer-engine.js';
import { parseRemotePath as path } from '../../src/modules/remotes/remote-path.js';
import {
  MiB,
  base,
  children,
  engine,
  failure,
  localRemote,
  noneRuns,
  rcloneIsInstalled,
  write,
} from './rclone-engine.js';
import { type Served, remoteOf, serve } from './rclone-served.js';

const never = new AbortController().signal;
const MARKER = 'M4rk3r-of-a-secret';
let counter = 0;

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: trouble with the far side', () => {
  const served: Served[] = [];
  const farSide = async (protocol: 'sftp' | 'webdav' | 'http'): Promise<Served> => {
    const one = await serve(join(base, `trouble${++counter}`), protocol);
    served.push(one);
    return one;
  };
  const otherwise = (remote: EngineRemote, options: Record<string, string | number>): EngineRemote => ({
    ...remote,
    options: { ...remote.options, ...options },
  });
  afterEach(() => {
    for (const { child, stop } of served.splice(0)) {
      child.kill('SIGCONT');
      stop();
    }
  });

  it.each(['sftp', 'webdav'] as const)(
    '%s: tells a wrong password from a far side that is gone',
    async (protocol) => {
      const { remote, stop, files } = await farSide(protocol);
      await write(files, { a: 'x' });
      const wrong = otherwise(remote, { pass: MARKER });
      const refused = await failure(engine.probe(wrong));
      expect(refused).toMatchObject({ kind: 'auth', retryable: false });
      expect(JSON.stringify([refused.message, refused.stack])).not.toContain(MARKER);
      expect((await failure(engine.read(wrong, path('a'), null))).kind).toBe('auth');
      expect((await failure(engine.write(wrong, path('b'), Readable.from(['x']), never))).kind).toBe('auth');
      await engine.probe(remote);

      stop();
      expect(await failure(engine.probe({ ...remote, version: 2 }))).toMatchObject({
        kind: 'temporary',
        retryable: true,
      });
    },
  );

  it('tells that there is no such folder, and waits for a silent far side as long as a person would', async () => {
    const { remote, child } = await farSide('sftp');
    expect((await failure(engine.probe({ ...remote, root: '/nowhere' }))).kind).toBe('not_found');
    await expect(engine.list(remote, path('nowhere'))).rejects.toThrow(FileNotFound);
    child.kill('SIGSTOP');
    const before = performance.now();
    const silent = await failure(engine.probe(remote));
    expect(silent.kind).toBe('temporary');
    expect(performance.now() - before).toBeLessThan(60_000);
    child.kill('SIGCONT');
    await engine.probe(remote);
  });

  it('starts another process when the configuration has changed', async () => {
    const { remote } = await farSide('webdav');
    await engine.probe(remote);
    const [first] = await children(process.pid);
    const changed = otherwise(remote, { pass: 'another' });
    expect((await failure(engine.probe(changed))).kind).toBe('auth');
    const [second, ...more] = await children(process.pid);
    expect(second).not.toBe(first);
    expect(more).toEqual([]);
  });

  it('keeps what remotes log in with in memory, and nowhere else', async () => {
    const { remote } = await farSide('sftp');
    const secret = otherwise(remote, { pass: MARKER, user: 'visible-user' });
    await failure(engine.probe(secret));
    const [pid] = await children(process.pid);
    for (const file of ['cmdline', 'environ'])
      expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toContain(MARKER);
    const ours = (await readdir(tmpdir())).filter(
      (name) => /rclone|spool/.test(name) && !base.endsWith(name),
    );
    expect(ours.filter((name) => name.startsWith('rclone-spool'))).toEqual([]);
    const bad = otherwise(remote, { key_pem: `-----BEGIN ${MARKER}` });
    const error = await failure(engine.probe(bad));
    expect(error.kind).toBe('auth');
    expect(`${error.message}${error.stack}${JSON.stringify(error.cause ?? '')}`).not.toContain(MARKER);
    const forbidden = otherwise(remote, { ssh: `touch ${join(base, MARKER)}` });
    expect(await failure(engine.probe(forbidden))).toMatchObject({ kind: 'fatal' });
    expect(await readdir(base)).not.toContain(MARKER);
  });

  it('survives the death of its process in the middle of looking, reading and writing', async () => {
    const { remote, files } = await farSide('webdav');
    await writeFile(join(files, 'big'), Buffer.alloc(30 * MiB));
    await write(files, { old: 'old' });
    const kill = async () => {
      for (const pid of await children(process.pid)) process.kill(pid, 'SIGKILL');
      await noneRuns();
    };
    await engine.probe(remote);
    await kill();
    expect(await engine.list(remote, path('/'))).toHaveLength(2);

    const reading = await engine.read(remote, path('big'), null);
    // Not read yet, so that most of it is still at the far side.
    const broken = failure(new Promise((_, reject) => void reading.once('error', reject)));
    await kill();
    expect((await broken).kind).toBe('temporary');

    const endless = new Readable({
      read() {
        setImmediate(() => this.push(Buffer.alloc(MiB)));
      },
    });
    const size = 1024 * 1024 * MiB;
    const writing = failure(engine.write(remote, path('old'), endless, never, size));
    await expect.poll(() => children(process.pid), { timeout: 60_000 }).toHaveLength(1);
    await expect.poll(async () => (await readdir(files)).length, { timeout: 60_000 }).toBe(3);
    await kill();
    expect(await writing).toMatchObject({ kind: 'temporary', retryable: true });
    expect(endless.destroyed).toBe(true);
    expect((await engine.list(remote, path('/'))).map(({ name }) => name).toSorted()).toEqual(['big', 'old']);
    expect(await text(await engine.read(remote, path('old'), null))).toBe('old');
  });

  it('removes later what a killed writing has left', async () => {
    const root = join(base, `left${++counter}`);
    const remote = localRemote('left', root);
    const left = '.steward-0123456789abcdef.01234567.partial';
    await write(root, { [left]: 'half', 'a.01234567.partial': 'of somebody else', file: 'x' });
    expect((await engine.list(remote, path('/'))).map(({ name }) => name)).toEqual(['file']);
    expect(await readdir(root)).toHaveLength(3);
    const later = new RcloneEngine({ localRoots: [base], now: () => new Date('2100-01-01') });
    expect(await later.list(remote, path('/'))).toHaveLength(1);
    await expect.poll(() => readdir(root), { timeout: 60_000 }).toEqual(['a.01234567.partial', 'file']);
    await later.close();
  });

  it('streams what is larger than any memory it may take, no faster than it is taken', async () => {
    const { remote, files } = await farSide('webdav');
    const size = 400 * MiB;
    const piece = Buffer.alloc(MiB);
    let given = 0;
    const source = new Readable({
      read() {
        this.push(given < size ? piece : null);
        given += MiB;
      },
    });
    const before = process.memoryUsage().rss;
    await engine.write(remote, path('large'), source, never, size);
    const [pid] = await children(process.pid);
    const reading = await engine.read(remote, path('large'), null);
    let seen = 0;
    await pipeline(
      reading,
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          seen += chunk.length;
          done();
        },
      }),
    );
    expect(seen).toBe(size);
    expect(await readdir(files)).toEqual(['large']);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
    expect(peak).toBeLessThan(150 * MiB);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MiB);

    const slow = await engine.read(remote, path('large'), null);
    await once(slow, 'readable');
    slow.destroy();
    await once(slow, 'close');
    await engine.probe(remote);
  });

  it('collects nothing on the disk of the server for a remote that has to know the size', async () => {
    const { remote } = await farSide('webdav');
    const spools = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('rclone-spool'));
    const before = await spools();
    const unknown = (pieces: number) =>
      Readable.from(Array.from({ length: pieces }, () => Buffer.alloc(MiB)));
    expect((await failure(engine.write(remote, path('x'), unknown(3), never))).kind).toBe('not_supported');
    expect(await engine.write(remote, path('x'), unknown(3), never, 3 * MiB)).toMatchObject({
      size: 3 * MiB,
    });
    expect(await spools()).toEqual(before);
  });

  it('lists ten thousand entries', async () => {
    const root = join(base, `many${++counter}`);
    await mkdir(root);
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => writeFile(join(root, `file ${n}`), '')));
    expect(await engine.list(localRemote('many', root), path('/'))).toHaveLength(10_000);
  });

  it('follows no link out of a local remote, also below an alias, a union or a combine', async () => {
    const root = join(base, `jail${++counter}`);
    const outside = join(base, `outside${counter}`);
    await write(root, { 'in/a': 'x' });
    await write(outside, { secret: 'x' });
    await symlink(outside, join(root, 'in/out'));
    const local = localRemote('jail', root);
    const part = (name: string | null) => [{ remote: local, path: path('in'), name, readOnly: false }];
    const over = (name: string | null) => ({ root: '', parts: part(name) });
    const places: [EngineRemote, string][] = [
      [local, 'in/out'],
      [remoteOf('a', 'alias', {}, over(null)), 'out'],
      [remoteOf('u', 'union', {}, over(null)), 'out'],
      [remoteOf('c', 'combine', {}, over('x')), 'x/out'],
    ];
    for (const [remote, out] of places) {
      const kinds = [
        engine.list(remote, path(out)),
        engine.stat(remote, path(`${out}/secret`)),
        engine.read(remote, path(`${out}/secret`), null),
        engine.write(remote, path(`${out}/new`), Readable.from(['x']), never),
        engine.remove(remote, path(`${out}/secret`)),
        engine.makeFolder(remote, path(`${out}/folder`)),
        engine.rename(remote, path(out.replace('out', 'a')), path(`${out}/a`)),
      ].map(async (work) => (await failure(work)).kind);
      expect(new Set(await Promise.all(kinds))).toEqual(new Set(['permission']));
    }
    expect(await readdir(outside)).toEqual(['secret']);
    const elsewhere = localRemote('elsewhere', '/etc');
    const alias = remoteOf(
      'e',
      'alias',
      {},
      {
        root: '',
        parts: [{ remote: elsewhere, path: path(''), name: null, readOnly: false }],
      },
    );
    expect((await failure(engine.list(alias, path('/')))).kind).toBe('permission');
  });

  it('tells what it can do', async () => {
    const { remote } = await farSide('webdav');
    expect(await engine.features(remote)).toMatchObject({
      canMove: true,
      keepsModificationTime: false,
      hashes: [],
    });
    const root = join(base, `features${++counter}`);
    await mkdir(root);
    const local = localRemote('features', root);
    const features = await engine.features(local);
    expect(features).toMatchObject({ canMove: true, caseInsensitive: false, keepsModificationTime: true });
    expect(features.hashes).toContain('md5');
    expect(await engine.usage(local)).toMatchObject({ total: expect.any(Number), free: expect.any(Number) });
  });

  it('hands over a token that rclone has renewed', async () => {
    const renewed = {
      access_token: 'new-access',
      refresh_token: 'new-refresh',
      expires_in: 3600,
      token_type: 'bearer',
    };
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(request.url === '/token' ? renewed : {}));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const token = '{"access_token":"old","refresh_token":"old-refresh","expiry":"2020-01-01T00:00:00Z"}';
    const found = await new RcloneBinary({}).locate();
    if ('available' in found) throw new Error(found.hint);
    const rclone = await RcloneProcess.start(found, { jobExpiry: '60s', interactive: true });
    const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const parameters = { token, client_id: 'c', client_secret: 's', token_url: tokenUrl };
    const opt = { nonInteractive: true, obscure: true };
    await rclone.call('config/create', { name: 'b1', type: 'dropbox', parameters, opt });
    const seen: object[] = [];
    const watch = new TokenWatch(rclone, [remoteOf('d', 'dropbox', { token })], (change) => {
      seen.push(change);
      if (seen.length === 1) throw new Error('the database is away');
    });
    await watch.check();
    expect(seen).toEqual([]);
    // Dropbox itself is not asked for anything that is answered; the token is renewed before.
    await rclone.call('operations/list', { fs: 'b1:', remote: '' }).catch(() => {});
    await watch.check();
    await watch.check();
    await watch.check();
    expect(seen).toHaveLength(2);
    expect(seen[1]).toMatchObject({
      remoteId: 'd',
      before: token,
      after: expect.stringContaining('new-refresh'),
    });
    await rclone.kill();
    await watch.check();
    server.close();
  });
});

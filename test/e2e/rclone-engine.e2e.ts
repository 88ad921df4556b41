import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { RcloneBinary } from '../../src/modules/remotes/engine/rclone-binary.js';
import { RcloneProcess } from '../../src/modules/remotes/engine/rclone-process.js';
import { RemotePool } from '../../src/modules/remotes/engine/remote-pool.js';
import { RcloneEngine } from '../../src/modules/remotes/engine/rclone-engine.js';
import {
  type CopyOptions,
  type EngineRemote,
  FileNotFound,
  TransferError,
  type TransferProgress,
  type TransferResult,
} from '../../src/modules/remotes/engine/transfer-engine.js';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';

const MiB = 1024 * 1024;
const rclone = await new RcloneBinary({}).availability();

let base: string;
let engine: RcloneEngine;
let counter = 0;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'rclone-engine-')));
});
beforeEach(() => {
  engine = new RcloneEngine({ localRoots: [base], stopLimitMs: 1000 });
});
afterEach(() => engine.close());
afterAll(async () => {
  await rm(base, { recursive: true });
});

/** Two empty remotes of one test. */
async function twoRemotes(): Promise<{ from: EngineRemote; to: EngineRemote; remotes: EngineRemote[] }> {
  const folder = join(base, `t${++counter}`);
  const from: EngineRemote = { id: 'from', type: 'local', root: join(folder, 'from') };
  const to: EngineRemote = { id: 'to', type: 'local', root: join(folder, 'to') };
  await mkdir(from.root, { recursive: true });
  await mkdir(to.root);
  return { from, to, remotes: [from, to] };
}

async function write(root: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
}

/** Every file below `root` with the hash of its content; folders as `null`. */
async function tree(root: string): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[relative(root, path)] = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : null;
  }
  return found;
}

interface Seen {
  progress: TransferProgress[];
  log: string[];
  abort: AbortController;
}

function copy(
  remotes: EngineRemote[],
  source: string,
  destination: string,
  options: CopyOptions = {},
  seen: Seen = { progress: [], log: [], abort: new AbortController() },
  onProgress: (progress: TransferProgress) => void = () => {},
): Promise<TransferResult> {
  const [from, to = from] = remotes;
  return engine.copy(
    remotes,
    { remoteId: from?.id ?? '', path: parseRemotePath(source) },
    { remoteId: to?.id ?? '', path: parseRemotePath(destination) },
    options,
    {
      signal: seen.abort.signal,
      onProgress: (progress) => {
        seen.progress.push(progress);
        onProgress(progress);
      },
      onLog: (level, message) => seen.log.push(`${level} ${message}`),
    },
  );
}

async function failure(work: Promise<unknown>): Promise<TransferError> {
  const outcome: unknown = await work.catch((error: unknown) => error);
  if (outcome instanceof TransferError) return outcome;
  throw new Error('expected a TransferError', { cause: outcome });
}

/** A copy that has written its first bytes and would go on for half a minute. */
async function slowCopy(): Promise<{ seen: Seen; to: EngineRemote; end: Promise<TransferError> }> {
  const { from, to, remotes } = await twoRemotes();
  await writeFile(join(from.root, 'slow'), randomBytes(30 * MiB));
  const seen: Seen = { progress: [], log: [], abort: new AbortController() };
  const events = new EventEmitter();
  const moving = once(events, 'bytes');
  const copying = copy(remotes, '/', '/', { bandwidthLimit: MiB }, seen, ({ bytes }) => {
    if (bytes > 0) events.emit('bytes');
  });
  const end = failure(copying);
  await moving;
  return { seen, to, end };
}

/** Process ids of every `rclone rcd` whose parent is `parent`. */
async function children(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8');
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const program = await readlink(`/proc/${name}/exe`);
      const serves = (await readFile(`/proc/${name}/cmdline`, 'utf8')).split('\0')[1] === 'rcd';
      if (Number(ppid) === parent && state !== 'Z' && program.endsWith('rclone') && serves)
        found.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

const noneRuns = () =>
  vi.waitFor(async () => expect(await children(process.pid)).toEqual([]), { timeout: 2000, interval: 20 });

describe.skipIf(!rclone.available)(
  `RcloneEngine${rclone.available ? '' : ' (rclone is not installed)'}`,
  () => {
    describe('copying', () => {
      it('copies a folder byte for byte, whatever the names', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, {
          'data/plain.bin': randomBytes(100_000),
          'data/empty': '',
          'data/with space /and [brackets] {x} *?.txt': 'a',
          'data/-leading dash/--rc': 'b',
          'data/한국어/파일 이름.txt': 'c',
          'data/nfd/e\u0301te\u0301.txt': 'd',
          'data/nfc/\u00e9t\u00e9.txt': 'e',
          'data/#%;:,=&\'"$`!~|<>.txt': 'f',
          'data/back\\slash': 'g',
          'data/new\nline': 'h',
          'data/😀/.hidden': 'i',
          'outside the folder': 'no',
        });
        await mkdir(join(from.root, 'data/empty folder'));
        const stamp = new Date('2001-02-03T04:05:06Z');
        await utimes(join(from.root, 'data/plain.bin'), stamp, stamp);

        const seen: Seen = { progress: [], log: [], abort: new AbortController() };
        const result = await copy(remotes, '/data', '/a/b', {}, seen);

        expect(await tree(join(to.root, 'a/b'))).toEqual(await tree(join(from.root, 'data')));
        expect(await readdir(to.root)).toEqual(['a']);
        expect(result).toMatchObject({
          engine: { rclone: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
          dryRun: false,
          bytes: 100_009,
          files: { transferred: 11, checked: 0, failed: 0 },
          failedFiles: [],
        });
        expect(seen.progress.at(-1)).toMatchObject({
          percent: 100,
          files: 11,
          totalFiles: 11,
          bytes: 100_009,
        });
        expect(seen.log).toEqual(['info Copying folder /data to /a/b', 'info Done: 11 files, 100009 bytes']);
        expect((await engine.stat(to, parseRemotePath('a/b/plain.bin')))?.modifiedAt).toBe(
          '2001-02-03T04:05:06.000Z',
        );

        const again = await copy(remotes, '/data', '/a/b');
        expect(again.files).toEqual({ transferred: 0, checked: 11, failed: 0 });
      });

      it('copies a file: into a folder, or to the name given', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, { 'd/ file.txt': 'x' });
        await mkdir(join(to.root, 'there'));
        await copy(remotes, 'd/ file.txt', '/');
        await copy(remotes, 'd/ file.txt', '/there');
        await copy(remotes, 'd/ file.txt', '/new/name');
        expect(Object.keys(await tree(to.root)).toSorted((a, b) => a.localeCompare(b))).toEqual(
          [' file.txt', 'there', 'there/ file.txt', 'new', 'new/name'].toSorted((a, b) => a.localeCompare(b)),
        );
      });

      it('replaces what differs, keeps what is only at the destination', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, { a: 'new content', same: 's' });
        await write(to.root, { a: 'old', only: 'here' });
        await cp(join(from.root, 'same'), join(to.root, 'same'), { preserveTimestamps: true });
        const result = await copy(remotes, '/', '/');
        expect(await readFile(join(to.root, 'a'), 'utf8')).toBe('new content');
        expect(await readFile(join(to.root, 'only'), 'utf8')).toBe('here');
        expect(result.files).toEqual({ transferred: 1, checked: 2, failed: 0 });
      });

      it('compares by checksum when asked', async () => {
        const { from, to, remotes } = await twoRemotes();
        const stamp = new Date('2020-01-01T00:00:00Z');
        await write(from.root, { a: 'one' });
        await write(to.root, { a: 'two' });
        await utimes(join(from.root, 'a'), stamp, stamp);
        await utimes(join(to.root, 'a'), stamp, stamp);
        expect((await copy(remotes, '/', '/')).files.transferred).toBe(0);
        expect((await copy(remotes, '/', '/', { checksum: true })).files.transferred).toBe(1);
        expect(await readFile(join(to.root, 'a'), 'utf8')).toBe('one');
      });

      it('writes nothing in a dry run and says what it would do', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, { 'd/a': '12345', b: '1' });
        const seen: Seen = { progress: [], log: [], abort: new AbortController() };
        const result = await copy(remotes, '/', '/x', { dryRun: true }, seen);
        await copy(remotes, '/b', '/y', { dryRun: true }, seen);
        expect(await readdir(to.root)).toEqual([]);
        expect(result).toMatchObject({ dryRun: true, bytes: 6, files: { transferred: 2 } });
        expect(seen.log).toContain('info Would copy d/a');
        expect(seen.log.filter((line) => line === 'info Would copy b')).toHaveLength(2);
      });

      it('filters, and an exclude wins over an include', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, {
          'a.txt': '1',
          'secret.txt': '2',
          'b.bin': '3',
          'd/c.txt': '4',
          'tmp/d.txt': '5',
          'e.txt.0a1b2c3d.partial': '6',
        });
        await copy(remotes, '/', '/', { include: ['*.txt'], exclude: ['secret.txt', '/tmp/**'] });
        expect(
          Object.keys(await tree(to.root))
            .filter((name) => name !== 'd')
            .toSorted(),
        ).toEqual(['a.txt', 'd/c.txt']);
        await copy(remotes, '/', '/all');
        expect(existsSync(join(to.root, 'all/b.bin'))).toBe(true);
        expect(existsSync(join(to.root, 'all/e.txt.0a1b2c3d.partial'))).toBe(false);
        expect(await failure(copy(remotes, '/', '/z', { include: ['[bad'] }))).toMatchObject({
          kind: 'fatal',
          retryable: false,
        });
      });

      it('copies within one remote', async () => {
        const { from } = await twoRemotes();
        await write(from.root, { 'a/x': '1' });
        await copy([from], 'a', 'b');
        expect(await readFile(join(from.root, 'b/x'), 'utf8')).toBe('1');
      });

      it('runs two copies at once without mixing them up', async () => {
        const jobs = await Promise.all([1, 2].map(() => twoRemotes()));
        const results = await Promise.all(
          jobs.map(async ({ from, remotes }, index) => {
            await write(
              from.root,
              Object.fromEntries(Array.from({ length: index + 3 }, (_, i) => [`f${i}`, 'x'])),
            );
            await writeFile(join(from.root, 'big'), randomBytes(MiB * (index + 1)));
            return copy(remotes, '/', '/');
          }),
        );
        expect(results.map(({ files, bytes }) => [files.transferred, bytes])).toEqual([
          [4, MiB + 3],
          [5, 2 * MiB + 4],
        ]);
        for (const { from, to } of jobs) expect(await tree(to.root)).toEqual(await tree(from.root));
      });

      it('shows 200 MB under a bandwidth limit without ever going back', { timeout: 60_000 }, async () => {
        const { from, to, remotes } = await twoRemotes();
        const block = randomBytes(20 * MiB);
        for (let i = 0; i < 10; i++) await appendFile(join(from.root, 'big'), block);
        const seen: Seen = { progress: [], log: [], abort: new AbortController() };
        const result = await copy(remotes, '/', '/', { bandwidthLimit: 50 * MiB }, seen);

        const percents = seen.progress.map(({ percent }) => percent);
        expect(percents).toEqual(percents.toSorted((a, b) => a - b));
        expect(percents.filter((percent) => percent === 100)).toHaveLength(1);
        expect(percents.at(-1)).toBe(100);
        expect(new Set(percents).size).toBeGreaterThan(4);
        const middle = seen.progress.find(({ percent }) => percent > 30 && percent < 80);
        expect(middle).toMatchObject({
          phase: 'transferring',
          indeterminate: false,
          current: [{ name: 'big' }],
        });
        expect(middle?.bytesPerSecond).toBeGreaterThan(20 * MiB);
        expect(middle?.bytesPerSecond).toBeLessThan(100 * MiB);
        expect(middle?.secondsLeft).toBeLessThan(10);
        expect(result.durationMs).toBeGreaterThan(2500);
        expect(await tree(to.root)).toEqual(await tree(from.root));
      });
    });

    describe('cancelling', () => {
      it('stops rclone, removes what it was writing and names it', async () => {
        const { seen, to, end } = await slowCopy();
        const before = performance.now();
        seen.abort.abort();
        const error = await end;
        expect(error).toMatchObject({ kind: 'cancelled', retryable: false, possiblyPartial: ['slow'] });
        expect(error.result?.bytes).toBeGreaterThan(0);
        expect(performance.now() - before).toBeLessThan(900);
        expect(await readdir(to.root)).toEqual([]);
        await noneRuns();
      });

      it('kills an rclone that does not stop', async () => {
        const { seen, end } = await slowCopy();
        const [pid] = await children(process.pid);
        if (pid === undefined) throw new Error('no rclone runs');
        process.kill(pid, 'SIGSTOP');
        const before = performance.now();
        seen.abort.abort();
        expect((await end).kind).toBe('cancelled');
        expect(performance.now() - before).toBeLessThan(2000);
        await noneRuns();
      });

      it('does nothing when it was aborted before', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, { a: 'x' });
        const seen: Seen = { progress: [], log: [], abort: new AbortController() };
        seen.abort.abort();
        expect(await failure(copy(remotes, '/', '/', {}, seen))).toMatchObject({ kind: 'cancelled' });
        expect(await readdir(to.root)).toEqual([]);
      });

      it('tells a crash of rclone from a cancellation', async () => {
        const { end } = await slowCopy();
        const [pid] = await children(process.pid);
        if (pid === undefined) throw new Error('no rclone runs');
        process.kill(pid, 'SIGKILL');
        expect(await end).toMatchObject({
          kind: 'temporary',
          retryable: true,
          message: 'rclone ended (SIGKILL) during the copy.',
          possiblyPartial: ['slow'],
        });
      });
    });

    describe('failing', () => {
      it.each(['nowhere', 'nowhere/deep', 'file/below'])('has no source at %s', async (source) => {
        const { from, remotes } = await twoRemotes();
        await write(from.root, { file: 'x' });
        expect(await failure(copy(remotes, source, '/'))).toMatchObject({
          kind: 'not_found',
          retryable: false,
        });
      });

      it('has no source when the root of the remote is gone', async () => {
        const { from, remotes } = await twoRemotes();
        await rm(from.root, { recursive: true });
        expect(await failure(copy(remotes, '/', '/'))).toMatchObject({ kind: 'not_found' });
      });

      it('cannot write below a file', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, { 'd/a': 'x', 'd/b': 'y' });
        await write(to.root, { file: 'x' });
        const error = await failure(copy(remotes, 'd', 'file/x'));
        expect(error).toMatchObject({ kind: 'fatal', retryable: false });
        expect(error.result).toMatchObject({ files: { transferred: 0, failed: 2 } });
        expect(JSON.stringify([error.message, error.result])).not.toContain(base);
      });

      it('tells what failed when the rest arrived', async () => {
        const { from, to, remotes } = await twoRemotes();
        await write(from.root, { ok: 'x', bad: 'y' });
        await mkdir(join(to.root, 'bad/in the way'), { recursive: true });
        const seen: Seen = { progress: [], log: [], abort: new AbortController() };
        const error = await failure(copy(remotes, '/', '/', {}, seen));
        expect(error).toMatchObject({ kind: 'partial', retryable: false });
        expect(error.result).toMatchObject({
          files: { transferred: 1, failed: 1 },
          failedFiles: [{ name: 'bad', error: expect.stringContaining('is a directory') }],
        });
        expect(seen.log.some((line) => line.startsWith('error bad: '))).toBe(true);
        expect(seen.progress.every(({ percent }) => percent < 100)).toBe(true);
        expect(await readFile(join(to.root, 'ok'), 'utf8')).toBe('x');
      });

      it('finds the disk full', async ({ skip }) => {
        const { from, to, remotes } = await twoRemotes();
        try {
          execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', to.root], { stdio: 'ignore' });
        } catch {
          skip('only root can mount a small disk');
        }
        try {
          await writeFile(join(from.root, 'big'), randomBytes(3 * MiB));
          const error = await failure(copy(remotes, '/', '/'));
          expect(error).toMatchObject({ kind: 'fatal', retryable: false });
          expect(error.message).toMatch(/no space left|remaining disk space/);
          expect(await readdir(to.root)).toEqual([]);
        } finally {
          execFileSync('umount', [to.root]);
        }
      });

      it('refuses source and destination that overlap, also through other remotes and links', async () => {
        const { from, to } = await twoRemotes();
        await write(from.root, { 'a/sub/x': '1', 'a/f': '2' });
        await symlink(join(from.root, 'a'), join(from.root, 'link'));
        const parent: EngineRemote = { id: 'parent', type: 'local', root: dirname(from.root) };
        const before = await tree(from.root);
        for (const [remotes, source, destination] of [
          [[from], 'a', 'a'],
          [[from], 'a', 'a/sub/new'],
          [[from], 'a/sub', 'a'],
          [[from], '/', 'a'],
          [[from], 'a/f', 'a'],
          [[from], 'a/f', 'a/f'],
          [[from], 'a', 'link/new'],
          [[from], 'a/f', 'link/f'],
          [[from, parent], 'a', 'from/a/new'],
          [[from, { ...from, id: 'twin' }], '/', '/'],
        ] as const) {
          const error = await failure(copy([...remotes], source, destination));
          expect([source, destination, error.kind]).toEqual([source, destination, 'overlap']);
        }
        expect(await tree(from.root)).toEqual(before);
        await expect(copy([from, to], 'a', 'a')).resolves.toMatchObject({ files: { transferred: 2 } });
      });

      it('refuses roots and links that lead outside, on either side', async () => {
        const { from, to, remotes } = await twoRemotes();
        const outside = join(base, `outside${counter}`);
        await write(outside, { secret: 's' });
        await write(from.root, { 'd/f': 'x', 'd/g/h': 'y', 'safe/f': 'z' });
        await symlink(outside, join(from.root, 'out'));
        await symlink(outside, join(to.root, 'out'));
        await mkdir(join(to.root, 'folder'));
        await symlink(join(outside, 'secret'), join(to.root, 'folder/f'));
        await symlink(outside, join(to.root, 'g'));
        await symlink(join(outside, 'new'), join(to.root, 'broken'));
        for (const [source, destination] of [
          ['out', 'x'],
          ['out/secret', 'x'],
          ['d', 'out'],
          ['d', 'out/deeper'],
          ['d', 'folder'],
          ['d', '/'],
          ['safe/f', 'folder'],
          ['safe/f', 'out/x'],
          ['safe/f', 'broken'],
          ['safe', 'broken/x'],
        ] as const) {
          const error = await failure(copy(remotes, source, destination));
          expect([source, destination, error.kind]).toEqual([source, destination, 'permission']);
          expect(error.message).not.toContain(base);
        }
        const stranger: EngineRemote = { id: 'stranger', type: 'local', root: '/etc' };
        expect((await failure(copy([stranger, to], 'passwd', '/'))).kind).toBe('permission');
        expect((await failure(engine.list(stranger, parseRemotePath('/')))).kind).toBe('permission');
        expect((await failure(engine.list(from, parseRemotePath('out')))).kind).toBe('permission');
        expect((await failure(engine.stat(from, parseRemotePath('out/secret')))).kind).toBe('permission');
        expect(await tree(outside)).toEqual({ secret: expect.any(String) });
      });

      it.each([
        'jail,remote=/etc:',
        ':alias,remote=/etc:',
        ':local:/etc',
        'r1:/etc',
        'etc/passwd',
        ":webdav,url=x,bearer_token_command='touch /tmp/pwned':",
        '‛．．/‛．．',
        '%2e%2e/%2e%2e/etc',
        '~root',
        '$(id)',
      ])('takes %s for a name and nothing else', async (path) => {
        const { from, remotes } = await twoRemotes();
        await write(from.root, { a: 'x' });
        await expect(engine.list(from, parseRemotePath(path))).rejects.toThrow(FileNotFound);
        expect((await failure(copy(remotes, path, '/'))).kind).toBe('not_found');
        await copy(remotes, '/', path);
        expect(await engine.list(remotes[1] ?? from, parseRemotePath(path))).toMatchObject([{ name: 'a' }]);
      });

      it('is unavailable without rclone', async () => {
        const { remotes } = await twoRemotes();
        const without = new RcloneEngine({ rclonePath: '/nowhere/rclone', localRoots: [base] });
        expect(await without.availability()).toMatchObject({ available: false, reason: 'missing' });
        const place = { remoteId: 'from', path: parseRemotePath('a') };
        const observer = { signal: new AbortController().signal, onProgress: () => {}, onLog: () => {} };
        const error = await failure(without.copy(remotes, place, { ...place, remoteId: 'to' }, {}, observer));
        expect(error).toMatchObject({ kind: 'unavailable', retryable: true });
        expect(error.message).toContain('apt-get install rclone');
        await without.close();
      });

      it('passes an error of the observer on and leaves no process', async () => {
        const { from, remotes } = await twoRemotes();
        await write(from.root, { a: 'x' });
        const seen: Seen = { progress: [], log: [], abort: new AbortController() };
        const copying = copy(remotes, '/', '/', {}, seen, () => {
          throw new Error('the observer failed');
        });
        await expect(copying).rejects.toThrow('the observer failed');
        await noneRuns();
      });
    });

    describe('looking', () => {
      it('lists a folder', async () => {
        const { from } = await twoRemotes();
        await write(from.root, {
          'd/a b.txt': 'xyz',
          'd/한/x': '',
          'd/y.0a1b2c3d.partial': 'p',
          'd/．．': 'odd',
        });
        const stamp = new Date('2001-02-03T04:05:06.789Z');
        await utimes(join(from.root, 'd/a b.txt'), stamp, stamp);
        const entries = await engine.list(from, parseRemotePath('/d'));
        expect(entries.toSorted((a, b) => a.name.localeCompare(b.name, 'en'))).toEqual([
          {
            name: 'a b.txt',
            path: 'd/a b.txt',
            size: 3,
            isDir: false,
            modifiedAt: '2001-02-03T04:05:06.789Z',
          },
          {
            name: '한',
            path: 'd/한',
            size: null,
            isDir: true,
            modifiedAt: expect.stringMatching(/Z$/),
          },
        ]);
        expect(await engine.list(from, parseRemotePath('/'))).toMatchObject([{ name: 'd', path: 'd' }]);
      });

      it('lists no folder that is not there', async () => {
        const { from } = await twoRemotes();
        await write(from.root, { file: 'x' });
        for (const path of ['nowhere', 'file', 'file/below']) {
          await expect(engine.list(from, parseRemotePath(path))).rejects.toThrow(FileNotFound);
        }
        await rm(from.root, { recursive: true });
        await expect(engine.list(from, parseRemotePath('/'))).rejects.toThrow(FileNotFound);
      });

      it('finds one file or folder', async () => {
        const { from } = await twoRemotes();
        await write(from.root, { 'd/f': 'xy' });
        expect(await engine.stat(from, parseRemotePath('d/f'))).toMatchObject({
          name: 'f',
          size: 2,
          isDir: false,
        });
        expect(await engine.stat(from, parseRemotePath('d'))).toMatchObject({
          name: 'd',
          size: null,
          isDir: true,
        });
        expect(await engine.stat(from, parseRemotePath('/'))).toMatchObject({
          name: '',
          path: '',
          isDir: true,
        });
        for (const path of ['x', 'x/y', 'd/f/x'])
          expect(await engine.stat(from, parseRemotePath(path))).toBeNull();
        await rm(from.root, { recursive: true });
        expect(await engine.stat(from, parseRemotePath('/'))).toBeNull();
      });

      it('reuses a process per remote, keeps at most four, replaces a dead one, ends them all', async () => {
        const remotes = (await Promise.all(Array.from({ length: 6 }, () => twoRemotes()))).map(
          ({ from }, i) => ({
            ...from,
            id: `remote${i}`,
          }),
        );
        const [first] = remotes;
        if (first === undefined) throw new Error('no remote');
        await Promise.all([1, 2, 3].map(() => engine.list(first, parseRemotePath('/'))));
        const [pid] = await children(process.pid);
        expect(await children(process.pid)).toEqual([pid]);

        process.kill(pid ?? 0, 'SIGKILL');
        await noneRuns();
        expect(await engine.list(first, parseRemotePath('/'))).toEqual([]);

        await Promise.all(
          [...remotes, ...remotes].map((remote) => engine.list(remote, parseRemotePath('/'))),
        );
        expect((await children(process.pid)).length).toBeLessThanOrEqual(4);

        await engine.close();
        expect(await children(process.pid)).toEqual([]);
        expect((await failure(engine.list(first, parseRemotePath('/')))).kind).toBe('unavailable');
        expect(await engine.availability()).toMatchObject({ available: false, reason: 'closed' });
      });

      it('ends idle processes, and lets a remote wait while all are busy', async () => {
        const found = await new RcloneBinary({}).locate();
        if ('available' in found) throw new Error(found.hint);
        const pool = new RemotePool(() => RcloneProcess.start(found, { jobExpiry: '60s' }), {
          max: 1,
          idleMs: 50,
        });
        const { from, to } = await twoRemotes();
        const order: string[] = [];
        const events = new EventEmitter();
        const first = pool.use(from, async () => {
          order.push('first begins');
          events.emit('begun');
          await once(events, 'finish');
          order.push('first ends');
        });
        await once(events, 'begun');
        const second = pool.use(to, async (rc) => {
          order.push('second');
          return rc.call('core/pid', {});
        });
        await pool.use(from, async () => order.push('same remote'));
        events.emit('finish');
        await first;
        expect(await children(process.pid)).toEqual([(await second)['pid']]);
        expect(order).toEqual(['first begins', 'same remote', 'first ends', 'second']);
        await noneRuns();
        await pool.close();
      });

      it('ends running copies when it is closed', async () => {
        const { from, remotes } = await twoRemotes();
        await writeFile(join(from.root, 'slow'), randomBytes(5 * MiB));
        const copying = failure(copy(remotes, '/', '/', { bandwidthLimit: 100_000 }));
        await vi.waitFor(async () => expect(await children(process.pid)).toHaveLength(1), { interval: 20 });
        await engine.close();
        expect(await children(process.pid)).toEqual([]);
        expect((await copying).retryable).toBe(true);
      });
    });

    it.skipIf(process.platform !== 'linux')('dies with its owner, however that dies', async () => {
      const code = join(base, 'code');
      await transpile(fileURLToPath(new URL('../../src/modules/remotes', import.meta.url)), code);
      const { from, to } = await twoRemotes();
      await writeFile(join(from.root, 'slow'), randomBytes(5 * MiB));
      await writeFile(
        join(code, 'owner.js'),
        `import { RcloneProcess } from '../../src/modules/remotes/engine/rclone-process.js';
import { RemotePool } from '../../src/modules/remotes/engine/remote-pool.js';
import { RcloneEngine } from './engine/rclone-engine.js';
       const [, , base, from, to] = process.argv;
       const engine = new RcloneEngine({ localRoots: [base] });
       const remotes = [{ id: 'a', type: 'local', root: from }, { id: 'b', type: 'local', root: to }];
       await engine.list(remotes[0], '');
       await engine.copy(remotes, { remoteId: 'a', path: '' }, { remoteId: 'b', path: '' },
         { bandwidthLimit: 100_000 },
         { signal: new AbortController().signal, onLog() {}, onProgress: ({ bytes }) => console.log(bytes) });`,
      );
      const owner = spawn(process.execPath, [join(code, 'owner.js'), base, from.root, to.root], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(createInterface({ input: owner.stdout }), 'line');
      const pids = await children(owner.pid ?? 0);
      expect(pids).toHaveLength(2);
      owner.kill('SIGKILL');
      await vi.waitFor(
        () => {
          for (const pid of pids) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
        },
        { timeout: 1000, interval: 10 },
      );
    });
  },
);

/** The engine as plain JavaScript, for a process of its own. It uses nothing but Node. */
async function transpile(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/(?<!\.spec|\.medium)\.ts$/.test(entry.name)) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source).replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        useDefineForClassFields: false,
      },
    });
    await writeFile(target, outputText);
  }
  await writeFile(join(to, 'package.json'), '{"type":"module"}');
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { RcloneBinary } from '../../src/modules/remotes/engine/rclone-binary.js';
import { RcloneProcess } from '../../src/modules/remotes/engine/rclone-process.js';
import { RemotePool } from '../../src/modules/remotes/engine/remote-pool.js';
import { FileNotFound } from '../../src/modules/remotes/engine/transfer-engine.js';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';

import {
  MiB,
  engine,
  rcloneIsInstalled,
  twoRemotes,
  write,
  copy,
  failure,
  children,
  noneRuns,
} from './rclone-engine.js';

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: looking', () => {
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

  it('takes a named pipe for neither file nor folder, without opening it', async () => {
    const { from, remotes } = await twoRemotes();
    await promisify(execFile)('mkfifo', [join(from.root, 'pipe')]);
    await expect(engine.list(from, parseRemotePath('/pipe'))).rejects.toThrow(FileNotFound);
    expect(await failure(copy(remotes, 'pipe', '/'))).toMatchObject({ kind: 'not_found' });
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
    const remotes = (await Promise.all(Array.from({ length: 6 }, () => twoRemotes()))).map(({ from }, i) => ({
      ...from,
      id: `remote${i}`,
    }));
    const [first] = remotes;
    if (first === undefined) throw new Error('no remote');
    await Promise.all([1, 2, 3].map(() => engine.list(first, parseRemotePath('/'))));
    const [pid] = await children(process.pid);
    expect(await children(process.pid)).toEqual([pid]);

    process.kill(pid ?? 0, 'SIGKILL');
    await noneRuns();
    expect(await engine.list(first, parseRemotePath('/'))).toEqual([]);

    await Promise.all([...remotes, ...remotes].map((remote) => engine.list(remote, parseRemotePath('/'))));
    await vi.waitFor(async () => expect((await children(process.pid)).length).toBeLessThanOrEqual(4), {
      timeout: 60_000,
    });

    await engine.close();
    expect(await children(process.pid)).toEqual([]);
    expect((await failure(engine.list(first, parseRemotePath('/')))).kind).toBe('unavailable');
    expect(await engine.availability()).toMatchObject({ available: false, reason: 'closed' });
  });

  it('ends idle processes, and lets a remote wait while all are busy', async () => {
    const found = await new RcloneBinary({}).locate();
    if ('available' in found) throw new Error(found.hint);
    const pool = new RemotePool(() => RcloneProcess.start(found, { jobExpiry: '60s' }), {
      kept: 1,
      most: 1,
      idleMs: 50,
      waitMs: 60_000,
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
    const second = pool.use(to, async ({ pid }) => {
      order.push('second');
      return { pid, running: await children(process.pid) };
    });
    await pool.use(from, async () => order.push('same remote'));
    events.emit('finish');
    await first;
    const { pid, running } = await second;
    expect(running).toEqual([pid]);
    expect(order).toEqual(['first begins', 'same remote', 'first ends', 'second']);
    await noneRuns();
    await pool.close();
  });

  it('ends running copies when it is closed', async () => {
    const { from, remotes } = await twoRemotes();
    await writeFile(join(from.root, 'slow'), randomBytes(5 * MiB));
    const copying = failure(copy(remotes, '/', '/', { bandwidthLimit: 100_000 }));
    await vi.waitFor(async () => expect(await children(process.pid)).toHaveLength(1), {
      timeout: 60_000,
      interval: 20,
    });
    await engine.close();
    expect(await children(process.pid)).toEqual([]);
    expect((await copying).retryable).toBe(true);
  });
});

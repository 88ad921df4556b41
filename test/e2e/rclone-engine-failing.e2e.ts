import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RcloneEngine } from '../../src/modules/remotes/engine/rclone-engine.js';
import { FileNotFound } from '../../src/modules/remotes/engine/transfer-engine.js';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';

import {
  MiB,
  base,
  engine,
  rcloneIsInstalled,
  twoRemotes,
  write,
  tree,
  type Seen,
  copy,
  failure,
  localRemote,
  noneRuns,
} from './rclone-engine.js';

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: failing', () => {
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
    expect(error.result).toMatchObject({ files: { created: 0, failed: 2 } });
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
      files: { created: 1, failed: 1 },
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
      // 1.60 leaves a beginning of the file behind.
      expect(error.possiblyPartial).toEqual(['big']);
    } finally {
      execFileSync('umount', [to.root]);
    }
  });

  it('refuses source and destination that overlap, also through other remotes and links', async () => {
    const { from, to } = await twoRemotes();
    await write(from.root, { 'a/sub/x': '1', 'a/f': '2' });
    await symlink(join(from.root, 'a'), join(from.root, 'link'));
    const parent = localRemote('parent', dirname(from.root));
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
    await expect(copy([from, to], 'a', 'a')).resolves.toMatchObject({ files: { created: 2 } });
  });

  it('refuses roots and links that lead outside, on either side', async () => {
    const { from, to, remotes } = await twoRemotes();
    const outside = join(base, `outside of links`);
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
    const stranger = localRemote('stranger', '/etc');
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
    const observer = {
      signal: new AbortController().signal,
      isRepeated: false,
      onStart: () => {},
      onProgress: () => {},
      onLog: () => {},
    };
    const destination = { ...place, remoteId: 'to' };
    const operation = { kind: 'copy', source: place, destination, options: {} } as const;
    const error = await failure(without.transfer(remotes, operation, observer));
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

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';

import {
  MiB,
  engine,
  rcloneIsInstalled,
  twoRemotes,
  write,
  tree,
  type Seen,
  copy,
  failure,
} from './rclone-engine.js';

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: copying', () => {
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
      files: { created: 11, unchanged: 0, failed: 0 },
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
    expect(again.files).toMatchObject({ created: 0, updated: 0, unchanged: 11, failed: 0 });
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
    expect(result.files).toEqual({ created: 0, updated: 1, deleted: 0, unchanged: 1, failed: 0 });
  });

  it('compares by checksum when asked', async () => {
    const { from, to, remotes } = await twoRemotes();
    const stamp = new Date('2020-01-01T00:00:00Z');
    await write(from.root, { a: 'one' });
    await write(to.root, { a: 'two' });
    await utimes(join(from.root, 'a'), stamp, stamp);
    await utimes(join(to.root, 'a'), stamp, stamp);
    expect((await copy(remotes, '/', '/')).files.created).toBe(0);
    expect((await copy(remotes, '/', '/', { checksum: true })).files.updated).toBe(1);
    expect(await readFile(join(to.root, 'a'), 'utf8')).toBe('one');
  });

  it('writes nothing in a dry run and says what it would do', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'd/a': '12345', b: '1' });
    const seen: Seen = { progress: [], log: [], abort: new AbortController() };
    const result = await copy(remotes, '/', '/x', { dryRun: true }, seen);
    await copy(remotes, '/b', '/y', { dryRun: true }, seen);
    expect(await readdir(to.root)).toEqual([]);
    expect(result).toMatchObject({ dryRun: true, bytes: 6, files: { created: 2 } });
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
    expect(results.map(({ files, bytes }) => [files.created, bytes])).toEqual([
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

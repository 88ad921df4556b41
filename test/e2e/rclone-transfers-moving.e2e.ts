import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import type { EngineRemote, TransferOptions } from '../../src/modules/remotes/engine/transfer-engine.js';

import {
  MiB,
  ends,
  failure,
  noneRuns,
  nothingSeen,
  rcloneIsInstalled,
  transfer,
  tree,
  twoRemotes,
  write,
} from './rclone-engine.js';

const stamp = new Date('2020-01-01T00:00:00Z');
const move = (
  remotes: EngineRemote[],
  source: string,
  destination: string,
  options: TransferOptions = {},
  seen = nothingSeen(),
  isRepeated = false,
) =>
  transfer(remotes, { kind: 'move', ...ends(remotes, source, destination), options }, seen, { isRepeated });
const remove = (remote: EngineRemote, path: string, options: TransferOptions = {}, isRepeated = false) =>
  transfer(
    [remote],
    { kind: 'delete', target: { remoteId: remote.id, path: parseRemotePath(path) }, options },
    nothingSeen(),
    { isRepeated },
  );

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: moving', () => {
  it('moves a folder to another remote, and what it replaces and finds equal', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, {
      'd/new': 'n',
      'd/old': 'newer',
      'd/same': 's',
      'd/한국어/[1] {a,b}': 'k',
      other: 'o',
    });
    await write(to.root, { 'x/old': 'old', 'x/same': 's', 'x/own': 'own' });
    await mkdir(join(from.root, 'd/empty'));
    for (const place of [join(from.root, 'd/same'), join(to.root, 'x/same')])
      await utimes(place, stamp, stamp);
    const before = await tree(join(from.root, 'd'));
    const result = await move(remotes, 'd', 'x');
    expect(result.files).toEqual({ created: 2, updated: 1, deleted: 0, unchanged: 1, failed: 0 });
    expect(await readdir(from.root)).toEqual(['other']);
    expect(await tree(join(to.root, 'x'))).toMatchObject(before);
    expect(await readFile(join(to.root, 'x/own'), 'utf8')).toBe('own');
  });

  it('moves a folder within its remote with one command, and counts what was in it', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': '1', 'd/b/c': '2' });
    const seen = nothingSeen();
    const result = await move([from], 'd', 'e/f', {}, seen);
    expect(result.files).toMatchObject({ created: 2, updated: 0, deleted: 0, failed: 0 });
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual(['e', 'e/f', 'e/f/a', 'e/f/b', 'e/f/b/c']);
    expect(seen.progress.at(-1)).toMatchObject({ percent: 100, indeterminate: false });
  });

  it('moves into a folder of its remote that exists', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': 'new', 'd/b/c': '2', 'e/a': 'replaced' });
    const result = await move([from], 'd', 'e');
    expect(result.files).toMatchObject({ created: 1, updated: 1, unchanged: 0 });
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual(['e', 'e/a', 'e/b', 'e/b/c']);
    expect(await readFile(join(from.root, 'e/a'), 'utf8')).toBe('new');
  });

  it('moves a file: into a folder, over a file, and to a new name', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'a.txt': '1', 'b.txt': '2', 'c.txt': '3' });
    await write(to.root, { 'd/x': 'x', over: 'old' });
    expect((await move(remotes, 'a.txt', 'd')).files).toMatchObject({ created: 1, updated: 0 });
    expect((await move(remotes, 'b.txt', 'over')).files).toMatchObject({ created: 0, updated: 1 });
    expect((await move([from], 'c.txt', 'n/c')).files).toMatchObject({ created: 1 });
    expect(Object.keys(await tree(to.root)).toSorted()).toEqual(['d', 'd/a.txt', 'd/x', 'over']);
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual(['n', 'n/c']);
  });

  it('leaves at the source what is not meant', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'd/a.txt': '1', 'd/b.bin': '2', 'd/s/secret.txt': '3' });
    await symlink('/etc/hostname', join(from.root, 'd/link'));
    await move(remotes, 'd', '/', { include: ['*.txt'], hidden: [parseRemotePath('s')] });
    expect(Object.keys(await tree(to.root))).toEqual(['a.txt']);
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual([
      'd',
      'd/b.bin',
      'd/link',
      'd/s',
      'd/s/secret.txt',
    ]);
  });

  it('deletes at the source only what a comparison has found at the destination', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'd/a': randomBytes(MiB), 'd/b/c': 'c' });
    const before = await tree(join(from.root, 'd'));
    const seen = nothingSeen();
    const result = await move(remotes, 'd', 'x', { verify: true }, seen);
    expect(result.verification).toEqual({ by: 'checksum', compared: 2, differing: [] });
    expect(result.files).toMatchObject({ created: 2, updated: 0, unchanged: 0, deleted: 0 });
    expect(result.bytes).toBe(MiB + 1);
    expect(await tree(join(to.root, 'x'))).toEqual(before);
    expect(existsSync(join(from.root, 'd'))).toBe(false);
    expect(new Set(seen.progress.map(({ phase }) => phase))).toContain('verifying');
  });

  it('takes a source that is gone for done only when repeated and something has arrived', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(to.root, { 'x/a': '1' });
    expect(await failure(move(remotes, 'd', 'x'))).toMatchObject({ kind: 'not_found', retryable: false });
    expect(await failure(move(remotes, 'd', 'y', {}, nothingSeen(), true))).toMatchObject({
      kind: 'not_found',
    });
    const result = await move(remotes, 'd', 'x', {}, nothingSeen(), true);
    expect(result.files).toEqual({ created: 0, updated: 0, deleted: 0, unchanged: 0, failed: 0 });
    expect(await failure(move([from], 'gone.txt', 'x'))).toMatchObject({ kind: 'not_found' });
  });

  it('does not move a folder into itself', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': '1' });
    for (const target of ['d', 'd/e', '/'])
      expect(await failure(move([from], 'd', target))).toMatchObject({ kind: 'overlap', retryable: false });
    expect(await failure(move([from], 'd/a', 'd'))).toMatchObject({ kind: 'overlap' });
    expect(await readFile(join(from.root, 'd/a'), 'utf8')).toBe('1');
  });

  it('says what it would move and moves nothing', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'd/new': '12', 'd/old': 'newer', 'd/same': 's' });
    await write(to.root, { old: 'old', same: 's' });
    for (const place of [join(from.root, 'd/same'), join(to.root, 'same')]) await utimes(place, stamp, stamp);
    const result = await move(remotes, 'd', '/', { dryRun: true });
    expect(result.plan).toEqual({
      create: { files: 1, bytes: 2 },
      update: { files: 1, bytes: 5 },
      delete: { files: 0, bytes: 0 },
      entries: [
        { action: 'create', path: 'new', size: 2 },
        { action: 'update', path: 'old', size: 5 },
      ],
      truncated: false,
    });
    expect(result.files).toEqual({ created: 1, updated: 1, deleted: 0, unchanged: 1, failed: 0 });
    expect((await move([from], 'd', 'e', { dryRun: true })).files).toMatchObject({ created: 3 });
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual(['d', 'd/new', 'd/old', 'd/same']);
    await noneRuns();
  });
});

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: deleting', () => {
  it('deletes a file, and a folder with everything in it', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': '1', 'd/-x/[2]': '2', 'd/e.0a1b2c3d.partial': '3', f: '4' });
    await symlink('/etc/hostname', join(from.root, 'd/link'));
    expect((await remove(from, 'f')).files).toMatchObject({ deleted: 1, failed: 0 });
    expect((await remove(from, 'd')).files).toMatchObject({
      created: 0,
      deleted: 2,
      unchanged: 0,
      failed: 0,
    });
    expect(await readdir(from.root)).toEqual([]);
    expect(existsSync('/etc/hostname')).toBe(true);
  });

  it('deletes everything in a root and keeps the root', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': '1', b: '2' });
    expect((await remove(from, '/')).files.deleted).toBe(2);
    expect(await readdir(from.root)).toEqual([]);
  });

  it('keeps what is hidden or not meant, with the folders it is in', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': '1', 'd/s/keep': '2', 'd/t/deep/x': '3', 'd/t/y': '4', 'd/z/z': '5' });
    await mkdir(join(from.root, 'd/hidden empty'));
    await mkdir(join(from.root, 'd/empty'));
    const hidden = ['s', 'hidden empty', 't/deep'].map((path) => parseRemotePath(path));
    expect((await remove(from, 'd', { hidden })).files.deleted).toBe(3);
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual(
      ['d', 'd/hidden empty', 'd/s', 'd/s/keep', 'd/t', 'd/t/deep', 'd/t/deep/x'].toSorted(),
    );
    await write(from.root, { 'd/s/k.txt': '1' });
    await remove(from, 'd', { include: ['*.txt'] });
    expect(Object.keys(await tree(join(from.root, 'd/s')))).toEqual(['keep']);
    expect(existsSync(join(from.root, 'd/hidden empty'))).toBe(true);
    await remove(from, 'd', { exclude: ['/s/**'] });
    expect(Object.keys(await tree(from.root)).toSorted()).toEqual(['d', 'd/s', 'd/s/keep']);
  });

  it('says what it would delete and deletes nothing', async () => {
    const { from } = await twoRemotes();
    await write(from.root, { 'd/a': '12', 'd/b/c': '3' });
    const result = await remove(from, 'd', { dryRun: true });
    expect(result.plan).toMatchObject({
      delete: { files: 2, bytes: 3 },
      entries: [
        { action: 'delete', path: 'a', size: 2 },
        { action: 'delete', path: 'b/c', size: 1 },
      ],
    });
    expect(result).toMatchObject({ dryRun: true, files: { deleted: 2 } });
    expect((await remove(from, 'd/b/c', { dryRun: true })).plan?.entries).toEqual([
      { action: 'delete', path: 'c', size: 1 },
    ]);
    expect(Object.keys(await tree(from.root))).toHaveLength(4);
  });

  it('takes what is gone for deleted only when repeated', async () => {
    const { from } = await twoRemotes();
    expect(await failure(remove(from, 'nothing'))).toMatchObject({ kind: 'not_found', retryable: false });
    expect((await remove(from, 'nothing', {}, true)).files).toMatchObject({ deleted: 0, failed: 0 });
  });
});

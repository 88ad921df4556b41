import { readFile, readdir, rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import type {
  DeleteProtection,
  EngineRemote,
  TransferOptions,
} from '../../src/modules/remotes/engine/transfer-engine.js';

import {
  ends,
  failure,
  freely,
  nothingSeen,
  rcloneIsInstalled,
  transfer,
  tree,
  twoRemotes,
  write,
} from './rclone-engine.js';

const stamp = new Date('2020-01-01T00:00:00Z');
const careful: DeleteProtection = { allowMassDelete: false, mostDeletes: 2, mostDeletesPercent: 50 };
const numbered = (count: number, prefix = 'f'): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'x']));
const names = async (root: string): Promise<string[]> => Object.keys(await tree(root)).toSorted();
const age = async (...files: string[]): Promise<void> => {
  for (const file of files) await utimes(file, stamp, stamp);
};

const sync = (
  remotes: EngineRemote[],
  source: string,
  destination: string,
  options: TransferOptions = {},
  protection = freely,
  seen = nothingSeen(),
) => transfer(remotes, { kind: 'sync', ...ends(remotes, source, destination), options, protection }, seen);

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: syncing', () => {
  it('makes the destination equal, and tells what it did and had planned', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { new: '12', old: 'newer', same: 's', 'd/x': '1' });
    await write(to.root, { old: 'old', same: 's', gone: 'g', 'od/gone': 'gg' });
    await age(join(from.root, 'same'), join(to.root, 'same'));
    const seen = nothingSeen();
    const result = await sync(remotes, '/', '/', {}, freely, seen);
    expect(await tree(to.root)).toEqual(await tree(from.root));
    expect(result.files).toEqual({ created: 2, updated: 1, deleted: 2, unchanged: 1, failed: 0 });
    expect(result.plan).toEqual({
      create: { files: 2, bytes: 3 },
      update: { files: 1, bytes: 5 },
      delete: { files: 2, bytes: 3 },
      entries: [
        { action: 'create', path: 'd/x', size: 1 },
        { action: 'delete', path: 'gone', size: 1 },
        { action: 'create', path: 'new', size: 2 },
        { action: 'delete', path: 'od/gone', size: 2 },
        { action: 'update', path: 'old', size: 5 },
      ],
      truncated: false,
    });
    expect(result.bytes).toBe(8);
    expect(seen.log).toEqual(['info Syncing folder / to /', 'info Done: 3 files, 8 bytes, 2 deleted']);
    const percents = seen.progress.map(({ percent }) => percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(seen.progress[0]).toMatchObject({ phase: 'planning', indeterminate: true, percent: 0 });
    const again = await sync(remotes, '/', '/');
    expect(again.files).toEqual({ created: 0, updated: 0, deleted: 0, unchanged: 4, failed: 0 });
  });

  it('plans without doing', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { new: '12', old: 'newer', same: 's' });
    await write(to.root, { old: 'old', same: 's', gone: 'g' });
    await age(join(from.root, 'same'), join(to.root, 'same'));
    const before = await tree(to.root);
    // A plan is how one finds out what would be deleted, so nothing stops it.
    const result = await sync(
      remotes,
      '/',
      '/',
      { dryRun: true },
      { ...careful, mostDeletes: 0, mostDeletesPercent: 0 },
    );
    expect(result).toMatchObject({
      dryRun: true,
      bytes: 7,
      files: { created: 1, updated: 1, deleted: 1, unchanged: 1, failed: 0 },
      plan: { create: { files: 1 }, update: { files: 1 }, delete: { files: 1 } },
    });
    expect(await tree(to.root)).toEqual(before);
  });

  it('names the first thousand of a plan and counts the rest', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, numbered(1100));
    await write(to.root, { f0: 'older', gone: '1' });
    const { plan } = await sync(remotes, '/', '/', { dryRun: true });
    expect(plan).toMatchObject({
      create: { files: 1099 },
      update: { files: 1 },
      delete: { files: 1 },
      truncated: true,
    });
    expect(plan?.entries).toHaveLength(1000);
    expect(plan?.entries[0]).toEqual({ action: 'update', path: 'f0', size: 1 });
  });

  it('does not empty a destination because the source is empty', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(to.root, { a: '1' });
    const error = await failure(sync(remotes, '/', '/', {}, careful));
    expect(error).toMatchObject({ kind: 'protected', retryable: false });
    expect(error.message).toContain('The source has no files, so 1 file at the destination would be deleted');
    await write(from.root, { 'only.bin': '1' });
    expect(await failure(sync(remotes, '/', '/', { include: ['*.txt', 'a'] }, careful))).toMatchObject({
      kind: 'protected',
    });
    expect(await names(to.root)).toEqual(['a']);
    await rm(join(from.root, 'only.bin'));
    expect((await sync(remotes, '/', '/', {}, freely)).files.deleted).toBe(1);
    expect((await sync(remotes, '/', '/', {}, careful)).files.deleted).toBe(0);
    expect(await names(to.root)).toEqual([]);
  });

  it('stops before it deletes too much, and says how much and how to allow it', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { f0: 'x', f1: 'x' });
    await write(to.root, numbered(6));
    const error = await failure(sync(remotes, '/', '/', {}, careful));
    expect(error.kind).toBe('protected');
    expect(error.message).toBe(
      '4 files of 6 at the destination (66 %) would be deleted; without an explicit yes it may be 2 or 50 %. ' +
        'If that is meant, allow mass deletion for this job.',
    );
    expect(await names(to.root)).toHaveLength(6);
    for (const enough of [{ mostDeletes: 4 }, { mostDeletesPercent: 67 }, { allowMassDelete: true }]) {
      await write(to.root, numbered(6));
      expect((await sync(remotes, '/', '/', {}, { ...careful, ...enough })).files.deleted).toBe(4);
    }
  });

  it('deletes nothing when the source is missing, or cannot be read completely', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(to.root, { a: '1' });
    expect(await failure(sync(remotes, 'nowhere', '/'))).toMatchObject({
      kind: 'not_found',
      retryable: false,
    });
    await rm(from.root, { recursive: true });
    expect(await failure(sync(remotes, '/', '/'))).toMatchObject({ kind: 'not_found' });
    expect(await names(to.root)).toEqual(['a']);
  });

  it('keeps at the destination what is excluded or hidden, whatever its name', async () => {
    const { from, to, remotes } = await twoRemotes();
    const odd = [
      'br[1]',
      'cu{a,b}',
      'st*r',
      'wh?t',
      'back\\slash',
      '-dash',
      'comma,',
      '한국어',
      'nfd e\u0301',
      'new\u240aline',
      'pl+us',
      '(x|y)',
      '^$.',
      '# ; %',
    ];
    const onDisk = odd.map((name) => name.replace('\u240a', '\n'));
    const files = Object.fromEntries(onDisk.map((name) => [`in/${name}/kept`, 'k']));
    await write(to.root, { ...files, 'in/gone': 'g', 'in/br1/x': '1', 'in/stXr/x': '1', 'in/log.tmp': 't' });
    await write(from.root, { [`a/${onDisk[0]}/new`]: 'no', 'a/new': 'yes' });
    const hidden = odd.map((name) => parseRemotePath(name));
    await sync(remotes, 'a', 'in', { hidden, exclude: ['*.tmp'], include: ['**'] });
    const left = (await names(join(to.root, 'in'))).filter((name) => !onDisk.includes(name));
    expect(left).toEqual(['new', 'log.tmp', ...onDisk.map((name) => `${name}/kept`)].toSorted());
  });

  it('hides a name in every form it can be written in', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { a: '1' });
    await write(to.root, { 'e\u0301te\u0301/x': '1', 'ete/x': '2', '\u1112\u1161\u11ab/y': '3' });
    const hidden = ['\u00e9te\u0301', '\ud55c'].map((path) => parseRemotePath(path));
    await sync(remotes, '/', '/', { hidden });
    expect(await names(to.root)).toEqual(
      ['a', 'e\u0301te\u0301', 'e\u0301te\u0301/x', '\u1112\u1161\u11ab', '\u1112\u1161\u11ab/y'].toSorted(),
    );
  });

  it('syncs a single file like a copy', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { a: 'newer' });
    await write(to.root, { a: 'old', b: 'kept' });
    expect((await sync(remotes, 'a', '/', {}, careful)).files).toMatchObject({ updated: 1, deleted: 0 });
    expect(await readFile(join(to.root, 'a'), 'utf8')).toBe('newer');
    expect(await readdir(to.root)).toEqual(['a', 'b']);
  });

  it('compares both sides afterwards, and is not done when they differ', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'd/a': 'one', b: '1', 'e/f/g': '2' });
    expect((await sync(remotes, '/', '/', { verify: true })).verification).toEqual({
      by: 'checksum',
      compared: 3,
      differing: [],
    });
    await write(to.root, { 'd/a': 'two' });
    await age(join(from.root, 'd/a'), join(to.root, 'd/a'));
    const error = await failure(sync(remotes, '/', '/', { verify: true }));
    expect(error).toMatchObject({
      kind: 'partial',
      retryable: true,
      message: '1 file differs after the transfer. d/a',
      result: { verification: { differing: ['d/a'] }, files: { unchanged: 3 } },
    });
    expect(
      await failure(
        transfer(remotes, { kind: 'copy', ...ends(remotes, 'd/a', 'd/a'), options: { verify: true } }),
      ),
    ).toMatchObject({
      kind: 'partial',
    });
    const repaired = await sync(remotes, '/', '/', { verify: true, checksum: true });
    expect(repaired.verification).toMatchObject({ compared: 3, differing: [] });
  });

  it('does not write or delete through a link that leads out', async () => {
    const { from, to, remotes } = await twoRemotes();
    const outside = join(to.root, '..', 'outside');
    await write(outside, { a: 'precious' });
    await write(from.root, { 'd/x': '1' });
    await symlink(outside, join(to.root, 'd'));
    expect(await failure(sync(remotes, '/', '/'))).toMatchObject({ kind: 'permission' });
    await rm(join(from.root, 'd'), { recursive: true });
    await write(from.root, { e: '1' });
    await sync(remotes, '/', '/');
    expect(await readFile(join(outside, 'a'), 'utf8')).toBe('precious');
  });
});

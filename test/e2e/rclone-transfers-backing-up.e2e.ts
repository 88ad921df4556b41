import { existsSync } from 'node:fs';
import { readFile, readdir, utimes } from 'node:fs/promises';
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
  twoRemotes,
  write,
} from './rclone-engine.js';

const stamp = new Date('2020-01-01T00:00:00Z');
const careful: DeleteProtection = { allowMassDelete: false, mostDeletes: 2, mostDeletesPercent: 50 };
const age = async (...files: string[]): Promise<void> => {
  for (const file of files) await utimes(file, stamp, stamp);
};

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: backing up', () => {
  const backup = (
    remotes: EngineRemote[],
    {
      mirror = false,
      versions = 'b/versions/1',
      protection = freely,
      options = {},
      seen = nothingSeen(),
      to = 'b/current',
      from = '/',
    }: {
      mirror?: boolean;
      versions?: string;
      protection?: DeleteProtection;
      options?: TransferOptions;
      seen?: ReturnType<typeof nothingSeen>;
      to?: string;
      from?: string;
    } = {},
  ) =>
    transfer(
      remotes,
      {
        kind: 'backup',
        ...ends(remotes, from, to),
        versions: parseRemotePath(versions),
        mirror,
        options,
        protection,
      },
      seen,
    );

  it.each([false, true])('keeps what it replaces and deletes (mirror: %s)', async (mirror) => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { new: '1', old: 'newer', same: 's' });
    await write(to.root, { 'b/current/old': 'old', 'b/current/same': 's', 'b/current/d/gone': 'g' });
    await age(join(from.root, 'same'), join(to.root, 'b/current/same'));
    const plan = await backup(remotes, { mirror, options: { dryRun: true } });
    const deleted = mirror ? 1 : 0;
    expect(plan.files).toEqual({ created: 1, updated: 1, deleted, unchanged: 1, failed: 0 });
    expect(existsSync(join(to.root, 'b/versions'))).toBe(false);
    const result = await backup(remotes, { mirror });
    expect(result.files).toEqual({ created: 1, updated: 1, deleted, unchanged: 1, failed: 0 });
    expect(await readFile(join(to.root, 'b/versions/1/old'), 'utf8')).toBe('old');
    expect(existsSync(join(to.root, 'b/versions/1/d/gone'))).toBe(mirror);
    expect(existsSync(join(to.root, 'b/current/d/gone'))).toBe(!mirror);
    expect(await readFile(join(to.root, 'b/current/old'), 'utf8')).toBe('newer');
  });

  it('overwrites no version when run twice into one folder', async () => {
    const { from, to, remotes } = await twoRemotes();
    const seen = nothingSeen();
    for (const content of ['one', 'second', 'the third', 'and fourth']) {
      await write(from.root, { a: content });
      await backup(remotes, { mirror: true, seen });
    }
    const versions = join(to.root, 'b/versions');
    expect(await readdir(versions)).toEqual(['1', '1-r2', '1-r3']);
    expect(await readFile(join(versions, '1/a'), 'utf8')).toBe('one');
    expect(await readFile(join(versions, '1-r2/a'), 'utf8')).toBe('second');
    expect(await readFile(join(versions, '1-r3/a'), 'utf8')).toBe('the third');
    expect(seen.log).toContain('info Versions go to /b/versions/1-r2: an earlier attempt left some');
  });

  it('backs up a single file', async () => {
    const { from, to, remotes } = await twoRemotes();
    await write(from.root, { 'd/a': 'newer' });
    await write(to.root, { 'b/current/a': 'old' });
    expect((await backup(remotes, { from: 'd/a', mirror: true })).files).toMatchObject({
      created: 0,
      updated: 1,
    });
    expect(await readFile(join(to.root, 'b/versions/1/a'), 'utf8')).toBe('old');
    expect((await backup(remotes, { from: 'd/a', to: 'new' })).files).toMatchObject({
      created: 1,
      updated: 0,
    });
  });

  it('protects a mirror like a sync', async () => {
    const { to, remotes } = await twoRemotes();
    await write(to.root, { 'b/current/a': '1' });
    expect(await failure(backup(remotes, { mirror: true, protection: careful }))).toMatchObject({
      kind: 'protected',
    });
    expect((await backup(remotes, { protection: careful })).files.deleted).toBe(0);
    expect(existsSync(join(to.root, 'b/current/a'))).toBe(true);
  });

  it.each([
    ['b/current', 'in the destination'],
    ['b/current/v', 'in the destination'],
    ['b', 'around it'],
    ['/', 'around it'],
  ])('keeps no versions at %s, %s', async (versions) => {
    const { from, remotes } = await twoRemotes();
    await write(from.root, { a: '1' });
    expect(await failure(backup(remotes, { versions }))).toMatchObject({ kind: 'overlap', retryable: false });
    expect(await failure(backup([from], { from: 'v', versions: 'v/x' }))).toMatchObject({ kind: 'overlap' });
  });
});

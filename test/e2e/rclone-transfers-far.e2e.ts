import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import type { EngineRemote, TransferOptions } from '../../src/modules/remotes/engine/transfer-engine.js';

import {
  MiB,
  base,
  ends,
  engine,
  failure,
  freely,
  noneRuns,
  nothingSeen,
  rcloneIsInstalled,
  transfer,
  tree,
  twoRemotes,
  write,
} from './rclone-engine.js';
import { type Served, remoteOf, serve } from './rclone-served.js';

const files = { 'd/a': '1', 'd/한국어 [1]/{a,b}': '22', 'd/-x': '3', 'd/nfd e\u0301': '4' };

describe.skipIf(!rcloneIsInstalled).each(['sftp', 'webdav'] as const)(
  'transfers to and from %s',
  (protocol) => {
    let far: Served;
    beforeAll(async () => {
      far = await serve(base, protocol);
    });
    afterAll(() => far.stop());

    const checksum = protocol === 'sftp' ? 'checksum' : 'size';
    const names = async (path: string): Promise<string[]> =>
      (await engine.list(far.remote, parseRemotePath(path))).map(({ name }) => name).toSorted();
    const remove = (path: string, options: TransferOptions = {}) =>
      transfer([far.remote], {
        kind: 'delete',
        target: { remoteId: far.remote.id, path: parseRemotePath(path) },
        options,
      });

    it('copies, syncs, compares and moves back', async () => {
      const { from, to } = await twoRemotes();
      const there = [from, far.remote];
      await write(from.root, files);
      const copied = await transfer(there, {
        kind: 'copy',
        ...ends(there, 'd', 'x'),
        options: { verify: true },
      });
      expect(copied).toMatchObject({
        files: { created: 4, failed: 0 },
        verification: { by: checksum, compared: 4, differing: [] },
      });
      await write(from.root, { 'd/a': 'longer', 'd/new': 'n' });
      await transfer(there, { kind: 'copy', ...ends(there, 'd/new', 'x/gone'), options: {} });
      const sync = { kind: 'sync' as const, ...ends(there, 'd', 'x'), protection: freely };
      const planned = await transfer(there, { ...sync, options: { dryRun: true } });
      expect(planned.plan).toMatchObject({
        create: { files: 1 },
        update: { files: 1 },
        delete: { files: 1 },
      });
      const synced = await transfer(there, { ...sync, options: { verify: true } });
      expect(synced.files).toEqual({ created: 1, updated: 1, deleted: 1, unchanged: 3, failed: 0 });

      const within = [far.remote];
      const moved = await transfer(within, { kind: 'move', ...ends(within, 'x', 'y/z'), options: {} });
      expect(moved.files).toMatchObject({ created: 5, failed: 0 });
      const again = { kind: 'move' as const, ...ends(within, 'x', 'y/z'), options: {} };
      await transfer(within, again, nothingSeen(), { isRepeated: true });
      const back = [far.remote, to];
      await transfer(back, { kind: 'move', ...ends(back, 'y/z', '/'), options: { verify: true } });
      expect(await tree(to.root)).toEqual(await tree(join(from.root, 'd')));
      expect(await names('y')).toEqual([]);
    });

    it('backs up with versions, and deletes with and without something hidden', async () => {
      const { from } = await twoRemotes();
      const there = [from, far.remote];
      await write(from.root, files);
      for (const content of ['one', 'second', 'the third']) {
        await write(from.root, { 'd/a': content });
        await transfer(there, {
          kind: 'backup',
          ...ends(there, 'd', 'b/current'),
          versions: parseRemotePath('b/versions/1'),
          mirror: true,
          options: {},
          protection: freely,
        });
      }
      expect(await names('b/versions')).toEqual(['1', '1-r2']);
      expect((await engine.stat(far.remote, parseRemotePath('b/versions/1/a')))?.size).toBe(3);
      expect((await remove('b/versions/1')).files.deleted).toBe(1);
      expect((await remove('b', { hidden: [parseRemotePath('current/한국어 [1]')] })).files.deleted).toBe(4);
      expect([await names('b'), await names('b/current')]).toEqual([['current'], ['한국어 [1]']]);
      expect((await remove('b')).files.deleted).toBe(1);
    });

    it('knows the place behind an alias', async () => {
      const parts = [{ remote: far.remote, path: parseRemotePath('p'), name: null, readOnly: false }];
      const alias: EngineRemote = remoteOf('alias', 'alias', {}, { parts });
      const { from } = await twoRemotes();
      await write(from.root, { 'd/a': '1' });
      const there = [from, far.remote];
      await transfer(there, { kind: 'copy', ...ends(there, 'd', 'p/q'), options: {} });
      const both = [far.remote, alias];
      expect(
        await failure(transfer(both, { kind: 'copy', ...ends(both, 'p/q', 'q/sub'), options: {} })),
      ).toMatchObject({ kind: 'overlap' });
      expect(
        (await transfer([alias], { kind: 'copy', ...ends([alias], 'q', 'r'), options: {} })).files.created,
      ).toBe(1);
      expect(await names('p')).toEqual(['q', 'r']);
    });

    it('has no source and deletes nothing when the folder is missing', async () => {
      const { to } = await twoRemotes();
      await write(to.root, { kept: '1' });
      const back = [far.remote, to];
      const sync = { kind: 'sync' as const, ...ends(back, 'nowhere', '/'), options: {}, protection: freely };
      expect(await failure(transfer(back, sync))).toMatchObject({ kind: 'not_found', retryable: false });
      expect(Object.keys(await tree(to.root))).toEqual(['kept']);
      expect(await failure(remove('nowhere'))).toMatchObject({ kind: 'not_found' });
    });

    it('ends in time when the far side hangs', async () => {
      const { from } = await twoRemotes();
      await writeFile(join(from.root, 'big'), Buffer.alloc(20 * MiB, 'x'));
      const there = [from, far.remote];
      const seen = nothingSeen();
      let hangs = false;
      const operation = {
        kind: 'copy' as const,
        ...ends(there, '/', 'big'),
        options: { bandwidthLimit: 4 * MiB },
      };
      const error = await failure(
        transfer(there, operation, seen, {
          onProgress: ({ bytes }) => {
            if (bytes < MiB || hangs) return;
            hangs = true;
            far.child.kill('SIGSTOP');
            seen.abort.abort();
          },
        }),
      );
      expect(error).toMatchObject({ kind: 'cancelled', possiblyPartial: ['big'] });
      await noneRuns();
      far.child.kill('SIGCONT');
    });
  },
);

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import type {
  DeleteProtection,
  EngineRemote,
  TransferOptions,
} from '../../src/modules/remotes/engine/transfer-engine.js';
import { texts } from '../harness/files.js';
import {
  base,
  ends,
  failure,
  freely,
  localRemote,
  nothingSeen,
  rcloneIsInstalled,
  transfer,
  twoRemotes,
  write,
} from './rclone-engine.js';
import { type Served, serve } from './rclone-served.js';

/** What was a folder is a file now, and the other way round; each with names that mean something in patterns. */
const BEFORE = {
  same: 's',
  'folder [1]/x': 'x',
  'folder [1]/deep/{y}': 'y',
  'file*': 'old',
  'in/한국어': 'old',
  'in/other': 'gone',
};
const AFTER = { same: 's', 'folder [1]': 'file', 'file*/new': 'new', 'in/한국어/a/b': 'new', added: 'a' };
const BACK = { ...BEFORE, 'in/other': 'here again' };

describe.skipIf(!rcloneIsInstalled).each(['local', 'sftp', 'webdav'] as const)(
  'a file that became a folder and a folder that became a file, on %s',
  (protocol) => {
    let far: Served | undefined;
    let counter = 0;
    beforeAll(async () => {
      if (protocol !== 'local') far = await serve(join(base, 'obstacles'), protocol);
    });
    afterAll(() => far?.stop());

    /** Another remote for each test, and a folder of this machine to fill it from. */
    async function sides(): Promise<{ from: EngineRemote; there: EngineRemote[]; place: string }> {
      const { from, to } = await twoRemotes();
      return { from, there: [from, far?.remote ?? to], place: `t${++counter}` };
    }
    const refill = async (root: string, files: Record<string, string>): Promise<void> => {
      await rm(root, { recursive: true });
      await mkdir(root);
      await write(root, files);
    };
    const sync = (
      there: EngineRemote[],
      place: string,
      options: TransferOptions = {},
      protection: DeleteProtection = freely,
      seen = nothingSeen(),
    ) => transfer(there, { kind: 'sync', ...ends(there, '/', place), options, protection }, seen);

    /** What is at the far side, brought here. */
    async function at([, remote]: EngineRemote[], place: string): Promise<Record<string, string>> {
      const root = join(base, `seen${++counter}${protocol}`);
      await mkdir(root, { recursive: true });
      const back = [remote!, localRemote('seen', root)];
      await transfer(back, { kind: 'copy', ...ends(back, place, '/'), options: {} });
      return texts(root);
    }

    it('is synced, in both directions', async () => {
      const { from, there, place } = await sides();
      await write(from.root, BEFORE);
      await sync(there, place);
      await refill(from.root, AFTER);
      const seen = nothingSeen();
      const result = await sync(there, place, { verify: true }, freely, seen);
      expect(result).toMatchObject({
        files: { created: 4, deleted: 5, failed: 0 },
        verification: { compared: 5, differing: [] },
      });
      const percents = seen.progress.map(({ percent }) => percent);
      expect(percents).toEqual(percents.toSorted((a, b) => a - b));
      expect(await at(there, place)).toEqual(AFTER);
      await refill(from.root, BACK);
      await sync(there, place);
      expect(await at(there, place)).toEqual(BACK);
    });

    it('is backed up, with what was there in the versions', async () => {
      const { from, there, place } = await sides();
      await write(from.root, BEFORE);
      const backup = (version: string) =>
        transfer(there, {
          kind: 'backup',
          ...ends(there, '/', `${place}/current`),
          versions: parseRemotePath(`${place}/versions/${version}`),
          mirror: true,
          options: {},
          protection: freely,
        });
      await backup('1');
      await refill(from.root, AFTER);
      expect((await backup('2')).files).toMatchObject({ created: 4, deleted: 5, failed: 0 });
      expect(await at(there, `${place}/current`)).toEqual(AFTER);
      const { same: _same, ...gone } = BEFORE;
      expect(await at(there, `${place}/versions/2`)).toEqual(gone);
    });

    it('is protected, hidden or excluded like everything else', async () => {
      const { from, there, place } = await sides();
      await write(from.root, BEFORE);
      await sync(there, place);
      await refill(from.root, AFTER);
      const careful = { allowMassDelete: false, mostDeletes: 2, mostDeletesPercent: 10 };
      expect(await failure(sync(there, place, {}, careful))).toMatchObject({ kind: 'protected' });
      expect(await at(there, place)).toEqual(BEFORE);
      const hidden = [parseRemotePath('folder [1]/deep')];
      const kept = await failure(sync(there, place, { hidden, exclude: ['/in/**'] }));
      expect(kept.message).toBe(
        'folder [1] is a file at the source and a folder at the destination: remove or rename one of the two.',
      );
      expect(kept.retryable).toBe(false);
      expect(await at(there, place)).toMatchObject({ 'folder [1]/deep/{y}': 'y', 'in/한국어': 'old' });
    });

    it('is told in words by a copy, which deletes nothing', async () => {
      const { from, there, place } = await sides();
      await write(from.root, BEFORE);
      await sync(there, place);
      await refill(from.root, { ...AFTER, 'also/fine': 'f' });
      const error = await failure(transfer(there, { kind: 'copy', ...ends(there, '/', place), options: {} }));
      expect(error.retryable).toBe(false);
      expect(error.message).toMatch(/^(folder \[1\]|file\*|in\/한국어) is a (file|folder) at the source/);
      expect(error.message).toContain(': remove or rename one of the two.');
      // On WebDAV rclone would delete the folder: there nothing is begun.
      const [kind, copied] =
        protocol === 'webdav' ? ['exists', {}] : ['partial', { added: 'a', 'also/fine': 'f' }];
      expect(error.kind).toBe(kind);
      expect(await at(there, place)).toEqual({ ...BEFORE, ...copied });
    });

    it('keeps a folder where a single file, or a file that is moved, has its name', async () => {
      const { from, there, place } = await sides();
      await write(from.root, { 'a/folder/kept': 'k' });
      await sync(there, place);
      await refill(from.root, { 'a/folder': 'file' });
      const one = { kind: 'copy' as const, ...ends(there, 'a/folder', `${place}/a`), options: {} };
      const many = { kind: 'move' as const, ...ends(there, '/', place), options: { exclude: ['folder/**'] } };
      for (const operation of [one, many]) {
        const { message } = await failure(transfer(there, operation));
        expect(message).toContain('folder is a file at the source and a folder at the destination');
      }
      expect(await at(there, place)).toEqual({ 'a/folder/kept': 'k' });
      expect(await texts(from.root)).toEqual({ 'a/folder': 'file' });
    });
  },
);

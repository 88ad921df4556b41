import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import type {
  EngineRemote,
  TransferControl,
  TransferOperation,
  TransferProgress,
} from '../../src/modules/remotes/engine/transfer-engine.js';

import {
  MiB,
  children,
  ends,
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

type Kind = 'copy' | 'move' | 'sync' | 'backup';
const operation = (
  kind: Kind,
  remotes: EngineRemote[],
  options: TransferOperation['options'] = {},
): TransferOperation => {
  const places = { ...ends(remotes, 'd', 'b/current'), options };
  if (kind === 'copy' || kind === 'move') return { kind, ...places };
  if (kind === 'sync') return { kind, ...places, protection: freely };
  return { kind, ...places, versions: parseRemotePath('b/versions/1'), mirror: true, protection: freely };
};

/** Runs until `isReached`, then whatever `interfere` does; the attempt must fail. */
async function interrupted(
  remotes: EngineRemote[],
  what: TransferOperation,
  isReached: (progress: TransferProgress) => boolean,
  interfere: (abort: AbortController) => Promise<void> | void,
) {
  const seen = nothingSeen();
  const events = new EventEmitter();
  const reached = once(events, 'reached');
  const end = failure(
    transfer(remotes, what, seen, {
      onProgress: (progress) => {
        if (isReached(progress)) events.emit('reached');
      },
    }),
  );
  await Promise.race([reached, end.then((error) => Promise.reject(error))]);
  await interfere(seen.abort);
  return end;
}

const killRclone = async (): Promise<void> => {
  for (const pid of await children(process.pid)) process.kill(pid, 'SIGKILL');
};

/** What the files below it hold, whatever their names. */
async function contents(folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  return Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')));
}

/** Like `children`, without waiting. */
function childrenNow(): number[] {
  const task = `/proc/${process.pid}/task`;
  return readdirSync(task)
    .flatMap((thread) => readFileSync(join(task, thread, 'children'), 'utf8').split(' '))
    .filter((pid) => pid !== '' && readlinkSync(`/proc/${pid}/exe`).endsWith('rclone'))
    .map(Number);
}

describe.skipIf(!rcloneIsInstalled)('RcloneEngine: interrupted transfers', () => {
  it.each<Kind>(['copy', 'move', 'sync', 'backup'])(
    'a %s that is killed in the middle loses nothing and is finished by the next attempt',
    async (kind) => {
      const { from, to, remotes } = await twoRemotes();
      const files = Object.fromEntries(
        Array.from({ length: 12 }, (_, index) => [`d/${index}`, randomBytes(MiB / 2)]),
      );
      await write(from.root, files);
      const wanted = await tree(join(from.root, 'd'));
      await write(to.root, { 'b/current/3': 'older', 'b/current/gone': 'g' });
      const slow = operation(kind, remotes, { bandwidthLimit: 2 * MiB, transfers: 2 });
      // Local files are copied through rclone only where they cannot be renamed; a verified move always copies.
      const what = kind === 'move' ? { ...slow, options: { ...slow.options, verify: true } } : slow;
      const error = await interrupted(remotes, what, ({ files: done }) => done >= 3, killRclone);
      expect(error).toMatchObject({ kind: 'temporary', retryable: true });
      expect(error.result?.files.created).toBeGreaterThan(0);
      const halfway = { ...(await tree(join(to.root, 'b/current'))), ...(await tree(join(from.root, 'd'))) };
      expect(halfway).toMatchObject(wanted);

      const result = await transfer(remotes, operation(kind, remotes), nothingSeen(), { isRepeated: true });
      expect(result.files.failed).toBe(0);
      const there = await tree(join(to.root, 'b/current'));
      expect(there).toMatchObject(wanted);
      const mirrors = kind === 'sync' || kind === 'backup';
      expect(Object.hasOwn(there, 'gone')).toBe(!mirrors);
      expect((await readdir(from.root)).length).toBe(kind === 'move' ? 0 : 1);
      const kept = kind === 'backup' ? await contents(join(to.root, 'b/versions')) : ['g', 'older'];
      expect(kept).toEqual(expect.arrayContaining(['g', 'older']));
      await noneRuns();
    },
  );

  it('a deletion that is killed or cancelled is finished by the next attempt', async () => {
    const { from } = await twoRemotes();
    const files = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`d/${index % 30}/${index}`, 'x']),
    );
    await write(from.root, files);
    const target = { remoteId: from.id, path: parseRemotePath('d') };
    const what: TransferOperation = { kind: 'delete', target, options: {} };
    // It may be over before it is killed.
    const planning = ({ phase }: { phase: string }): boolean => phase === 'planning';
    const error = await interrupted([from], what, planning, killRclone).catch(() => null);
    expect([undefined, 'temporary']).toContain(error?.kind);
    const result = await transfer([from], what, nothingSeen(), { isRepeated: true });
    expect(result.files.failed).toBe(0);
    expect(await readdir(from.root)).toEqual([]);
  });

  it.each<Kind>(['move', 'sync', 'backup'])(
    'a %s that is cancelled leaves whole files only',
    async (kind) => {
      const { from, to, remotes } = await twoRemotes();
      await write(from.root, { 'd/big': randomBytes(20 * MiB), 'd/small': '1' });
      const what = operation(kind, remotes, { bandwidthLimit: MiB, verify: kind === 'move' });
      const error = await interrupted(
        remotes,
        what,
        ({ bytes }) => bytes > 0,
        (abort) => abort.abort(),
      );
      expect(error).toMatchObject({ kind: 'cancelled', retryable: false });
      expect(error.possiblyPartial).toContain('big');
      expect(Object.keys(await tree(to.root))).not.toContain('b/current/big');
      expect(Object.keys(await tree(from.root)).toSorted()).toEqual(['d', 'd/big', 'd/small']);
      await noneRuns();
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'ends at once what only looks, even when rclone hangs',
    async () => {
      const { from, remotes } = await twoRemotes();
      await write(from.root, { 'd/a': '1' });
      const seen = nothingSeen();
      let pids: number[] = [];
      const error = await failure(
        transfer(remotes, operation('sync', remotes), seen, {
          // In this very moment, or it would be over before.
          onStart: () => {
            pids = childrenNow();
            for (const pid of pids) process.kill(pid, 'SIGSTOP');
            seen.abort.abort();
          },
          onProgress: ({ phase }) => expect(phase).toBe('planning'),
        }),
      );
      expect(error.kind).toBe('cancelled');
      expect(pids).toHaveLength(1);
      await noneRuns();
    },
  );

  it('changes its bandwidth while it runs', { timeout: 60_000 }, async () => {
    const { from, to, remotes } = await twoRemotes();
    await writeFile(join(from.root, 'big'), randomBytes(30 * MiB));
    let control: TransferControl | undefined;
    let asked = false;
    const result = await transfer(
      remotes,
      { kind: 'copy', ...ends(remotes, '/', '/'), options: { bandwidthLimit: 100_000 } },
      nothingSeen(),
      {
        onStart: (given) => {
          control = given;
        },
        onProgress: ({ bytes }) => {
          if (bytes === 0 || asked) return;
          asked = true;
          void control?.limitBandwidth(MiB);
          void control?.limitBandwidth(null);
        },
      },
    );
    expect(asked).toBe(true);
    // At the first limit it would take five minutes, at the second half of one.
    expect(result.durationMs).toBeLessThan(25_000);
    expect(await tree(to.root)).toEqual(await tree(from.root));
    await control?.limitBandwidth(1000);
    expect(() => control?.limitBandwidth(0)).toThrow('bandwidthLimit must be a whole number');
  });
});

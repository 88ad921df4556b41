import type { TransferOperation, TransferResult } from '../engine/transfer-engine.js';
import type { RemotePath } from '../remote-path.js';
import { versionsOf, type VersionFolder } from './backup-layout.js';
import type { BackupStore } from './backup-store.js';
import { keptVersions, removesAnything, type RetentionRules } from './retention.js';

export interface Tidying {
  readonly store: BackupStore;
  readonly rules: RetentionRules;
  readonly signal: AbortSignal;
  readonly transfer: (operation: TransferOperation) => Promise<TransferResult>;
  readonly log: (message: string) => void;
}

/**
 * Removes the versions that no rule keeps, after a run that has ended well. A version goes by its manifest; what its
 * folder has put aside is also the past of older versions, so where one of those is kept it is handed to the next
 * newer version, and is removed only where nobody needs it. Interrupted at any point it leaves every version that is
 * kept whole: files are looked for in all folders, also in those that are on their way out.
 *
 * Answers the versions that have gone.
 */
export async function tidyVersions(tidying: Tidying): Promise<string[]> {
  const { store, rules, signal, log } = tidying;
  if (!removesAnything(rules)) return [];
  const { folders, manifests } = await store.versions();
  const kept = keptVersions(
    manifests.map(({ stamp }) => stamp),
    rules,
  );
  const gone: string[] = [];
  for (const { name, stamp } of manifests.filter((one) => !kept.has(one.stamp))) {
    signal.throwIfAborted();
    await store.remove(versionsOf(store.root, name));
    log(`Version ${stamp} is not kept any more`);
    gone.push(stamp);
  }
  const inOrder = [...kept].toSorted();
  for (const folder of folders.toReversed().filter(({ stamp }) => !kept.has(stamp))) {
    signal.throwIfAborted();
    const newer = inOrder.find((stamp) => stamp > folder.stamp);
    if (newer === undefined) continue;
    if (inOrder[0]! < folder.stamp) await handOver(tidying, folder, newer);
    await tidying.transfer({
      kind: 'delete',
      target: { remoteId: store.remote.id, path: versionsOf(store.root, folder.name) },
      options: {},
    });
    log(`Removed the folder ${folder.name} of versions`);
  }
  return gone;
}

/** Moves what the folder has put aside into that of a newer version, where it takes the place of younger files. */
async function handOver(
  { store, signal, transfer }: Tidying,
  folder: VersionFolder,
  newer: string,
): Promise<void> {
  const [from, to] = [versionsOf(store.root, folder.name), versionsOf(store.root, newer)];
  const older = await store.filesIn(from, signal);
  if (older.length === 0) return;
  const inTheWay = await store.filesIn(to, signal);
  const taken = new Set(older.flatMap(({ path }) => [path, ...foldersOf(path)]));
  const files = new Set(older.map(({ path }) => path));
  for (const { path } of inTheWay) {
    // The same name, or a file where the other has a folder: no version that is kept needs this one.
    if (!taken.has(path) && !foldersOf(path).some((above) => files.has(above))) continue;
    signal.throwIfAborted();
    await store.remove(versionsOf(store.root, `${newer}/${path}`));
  }
  await transfer({
    kind: 'move',
    source: { remoteId: store.remote.id, path: from },
    destination: { remoteId: store.remote.id, path: to },
    // Empty folders are left behind: one of them could stand where a file belongs.
    options: { include: ['**'] },
  });
}

function foldersOf(path: RemotePath): RemotePath[] {
  const folders: RemotePath[] = [];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1))
    folders.push(path.slice(0, at) as RemotePath);
  return folders;
}

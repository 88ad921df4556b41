import { stat as localStat } from 'node:fs/promises';
import { refuseLinksInTheWay } from '../../local-root.js';
import {
  ROOT,
  type RemotePath,
  baseName,
  displayPath,
  isSameOrInside,
  joinRemotePath,
} from '../../remote-path.js';
import type { Located, Locator } from '../locator.js';
import { entryAt, rootEntry } from '../rc-files.js';
import type { RcloneProcess } from '../rclone-process.js';
import { TransferError } from '../transfer-engine.js';
import { refuseLinksFromAfar } from './links-in-the-way.js';
import { overlap } from './overlap.js';

/** A place as one rclone knows it. `fs` is the name of a remote inside the process, with its colon. */
export interface RcPlace {
  fs: string;
  path: RemotePath;
}

export type Thing = 'file' | 'folder' | null;

export interface Ends {
  /** What is there; null: nothing. */
  is: Thing;
  source: RcPlace;
  /** For a file the path of the file to be. */
  destination: RcPlace & { is: Thing };
}

/** What is at a place. The root of a remote that is not on this machine is taken for there: rclone tells later. */
export async function thingAt(process: RcloneProcess, { path, real }: Located, fs: string): Promise<Thing> {
  if (real !== null) {
    const there = await localStat(real).catch(() => null);
    // rclone would wait for a writer of a pipe until the job's time is over.
    if (there && !there.isDirectory() && !there.isFile()) {
      throw new TransferError('not_found', `There is neither a file nor a folder at ${displayPath(path)}.`);
    }
  }
  if (path === ROOT && real === null) return 'folder';
  const entry = path === ROOT ? await rootEntry(real ?? '') : await entryAt(process, fs, path);
  if (entry === null) return null;
  return entry.isDir ? 'folder' : 'file';
}

/**
 * Finds out what lies at both ends of a transfer, and refuses what must not be: ends that are the same place or lie
 * in each other, which rclone does not look at when it copies, and links that lead out of a local destination.
 */
export async function findEnds(
  process: RcloneProcess,
  locator: Locator,
  names: ReadonlyMap<string, string>,
  { from, to, signal }: { from: Located; to: Located; signal: AbortSignal },
): Promise<Ends> {
  const source = { fs: names.get(from.remote.id) ?? '', path: from.path };
  const destination = { fs: names.get(to.remote.id) ?? '', path: to.path };
  const is = await thingAt(process, from, source.fs);
  if (is !== 'file') {
    if (await overlap(locator, from, to)) throw overlapping();
    if (to.real !== null && is === 'folder') {
      const whole = await locator.locate([to.remote], { remoteId: to.remote.id, path: ROOT });
      const root = whole.real ?? to.real;
      if (from.real !== null) await refuseLinksInTheWay(from.real, to.real, root, signal);
      else {
        const isIncoming = async (path: RemotePath): Promise<boolean> =>
          (await entryAt(process, source.fs, joinRemotePath(source.path, path))) !== null;
        await refuseLinksFromAfar(to.real, root, isIncoming, signal);
      }
    }
    return { is, source, destination: { ...destination, is: await thingAt(process, to, destination.fs) } };
  }
  const there = await thingAt(process, to, destination.fs);
  if (to.path !== ROOT && there !== 'folder') {
    if (await isSameFile(locator, from, to)) throw overlapping();
    return { is, source, destination: { ...destination, is: there } };
  }
  const path = joinRemotePath(to.path, baseName(from.path));
  const into = await locator.locate([to.remote], { remoteId: to.remote.id, path });
  if (await isSameFile(locator, from, into)) throw overlapping();
  return {
    is,
    source,
    destination: { fs: destination.fs, path, is: await thingAt(process, into, destination.fs) },
  };
}

/** A file lies in no other, so where the ends overlap they are the same. */
function isSameFile(locator: Locator, from: Located, to: Located): Promise<boolean> {
  return overlap(locator, from, to);
}

/** What a backup keeps must not lie in what it copies or copies to, nor the other way round. */
export async function refuseVersionsInTheWay(
  locator: Locator,
  versions: Located,
  others: readonly Located[],
): Promise<void> {
  for (const other of others) {
    const sameRemote = versions.remote.id === other.remote.id;
    const inside =
      sameRemote && (isSameOrInside(versions.path, other.path) || isSameOrInside(other.path, versions.path));
    if (inside || (await overlap(locator, versions, other))) {
      throw new TransferError('overlap', 'The folder of the versions lies in the source or the destination.');
    }
  }
}

function overlapping(): TransferError {
  return new TransferError('overlap', 'Source and destination are the same place or lie in each other.');
}

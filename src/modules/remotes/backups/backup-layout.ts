import { type RemotePath, joinRemotePath } from '../remote-path.js';
import { instantOf } from './backup-stamp.js';

/**
 * A backup is a folder with two folders in it. `current` is what the last run has left. `versions/<stamp>` holds what
 * the run of that moment has taken out of `current`, so the files as they were before it; a run that was interrupted
 * goes on in `versions/<stamp>-r1` and so on. Beside them stands a manifest of each run that has ended well: the names
 * of all files that `current` had then. Names of any other form are nobody's business here and are never touched.
 */
export const CURRENT = 'current';
export const VERSIONS = 'versions';

/** A folder of `versions`. In the order of these two, each file is found first as it was longest ago. */
export interface VersionFolder {
  readonly name: string;
  readonly stamp: string;
  readonly repeat: number;
}

/** What the name of a manifest says, so that listing many versions reads none of them. */
export interface ManifestName {
  readonly name: string;
  readonly stamp: string;
  readonly files: number;
  readonly bytes: number;
  readonly jobId: string;
}

const FOLDER = /^(\d{8}T\d{6}Z)(?:-r([1-9]\d{0,5}))?$/;
const MANIFEST =
  /^(\d{8}T\d{6}Z)\.(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,15})\.([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\.jsonl$/;

export const folderName = (stamp: string, repeat: number): string =>
  repeat === 0 ? stamp : `${stamp}-r${repeat}`;

export function folderOf(name: string): VersionFolder | null {
  const [, stamp = '', repeat = '0'] = FOLDER.exec(name) ?? [];
  return instantOf(stamp) ? { name, stamp, repeat: Number(repeat) } : null;
}

export const manifestName = ({ stamp, files, bytes, jobId }: Omit<ManifestName, 'name'>): string =>
  `${stamp}.${files}.${bytes}.${jobId}.jsonl`;

export function manifestOf(name: string): ManifestName | null {
  const [, stamp = '', files, bytes, jobId = ''] = MANIFEST.exec(name) ?? [];
  return instantOf(stamp) ? { name, stamp, files: Number(files), bytes: Number(bytes), jobId } : null;
}

export const byAge = (one: VersionFolder, other: VersionFolder): number =>
  one.stamp === other.stamp ? one.repeat - other.repeat : one.stamp < other.stamp ? -1 : 1;

export const currentOf = (backup: RemotePath): RemotePath => joinRemotePath(backup, CURRENT);
export const versionsOf = (backup: RemotePath, name = ''): RemotePath =>
  joinRemotePath(backup, `${VERSIONS}/${name}`);

import { stat as localStat } from 'node:fs/promises';
import { InvalidRemotePath, ROOT, type RemotePath, parseRemotePath } from '../remote-path.js';
import { isRecord } from './progress.js';
import { RcError } from './rc-client.js';
import { PARTIAL_FILE } from './rc-options.js';
import type { RcloneProcess } from './rclone-process.js';
import type { FileEntry } from './transfer-engine.js';

/** The file or folder at `path`; null if there is none. Not for the root, which rclone always says exists. */
export async function entryAt(
  process: RcloneProcess,
  fs: string,
  path: RemotePath,
): Promise<FileEntry | null> {
  try {
    return toFileEntry((await process.call('operations/stat', { fs, remote: path }))['item']);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The root of a local remote; null if it is not there. rclone says of every root that it is. */
export async function rootEntry(real: string): Promise<FileEntry | null> {
  const root = await localStat(real).catch(() => null);
  if (root?.isDirectory() !== true) return null;
  return { name: '', path: ROOT, size: null, isDir: true, modifiedAt: root.mtime.toISOString() };
}

/**
 * The entries of a folder. One constant `fs` and a varying path, because rclone remembers every `fs` for minutes.
 * Left out: what a killed rclone left behind, and names that no valid path can address. Throws `RcError`.
 */
export async function entriesOf(process: RcloneProcess, fs: string, path: RemotePath): Promise<FileEntry[]> {
  const { list } = await process.call('operations/list', { fs, remote: path, opt: { noMimeType: true } });
  if (!Array.isArray(list)) return [];
  return list
    .map(toFileEntry)
    .filter((entry) => entry !== null)
    .filter(({ name }) => !PARTIAL_FILE.test(name));
}

/** Whether rclone means that nothing is there; a path below a file is answered with 500, not 404. */
export function isMissing(error: unknown): boolean {
  return error instanceof RcError && (error.status === 404 || error.message.endsWith(': not a directory'));
}

export function toFileEntry(item: unknown): FileEntry | null {
  if (!isRecord(item)) return null;
  const { Name: name, Path: path, Size: size, IsDir: isDir, ModTime: modTime } = item;
  const modified = new Date(typeof modTime === 'string' ? modTime : NaN);
  if (typeof name !== 'string' || Number.isNaN(modified.getTime())) return null;
  try {
    return {
      name,
      path: parseRemotePath(path),
      size: isDir !== true && typeof size === 'number' ? size : null,
      isDir: isDir === true,
      modifiedAt: modified.toISOString(),
    };
  } catch (error) {
    if (error instanceof InvalidRemotePath) return null;
    throw error;
  }
}

import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { CONTROL_CHARACTER, type RemotePath, comparisonKey } from './remote-path.js';

export type LocalRootReason =
  | 'not_absolute'
  | 'bad_character'
  | 'dot_segment'
  | 'outside'
  | 'broken_link'
  | 'link_outside'
  | 'unreadable';

/** A local folder that must not be used. `message` names no path of the server. */
export class LocalRootError extends Error {
  override readonly name = 'LocalRootError';

  constructor(
    readonly reason: LocalRootReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * rclone writes control characters of file names as the pictures U+2400–U+2421 and quotes real pictures with
 * U+201B, and undoes both when it opens a file. A root with these characters would open as another folder.
 */
const RCLONE_ENCODED = /[\u2400-\u2421\u201b]/u;

/**
 * Checks the root of a local remote and returns it in its plain form (no trailing slash).
 *
 * Guarantees that the real place of the root, links followed as far as it exists, lies in the real place of one of
 * `allowedRoots` (absolute directories of the settings). The root itself need not exist yet. Throws
 * `LocalRootError`. Links made after the check are not seen: check again before each use.
 */
export async function checkLocalRoot(root: unknown, allowedRoots: readonly string[]): Promise<string> {
  if (typeof root !== 'string' || !isAbsolute(root)) {
    throw new LocalRootError('not_absolute', 'The root of a local remote must be an absolute path.');
  }
  if (CONTROL_CHARACTER.test(root) || RCLONE_ENCODED.test(root) || /\p{Surrogate}/u.test(root)) {
    throw new LocalRootError(
      'bad_character',
      'The root contains a character that folder names may not have.',
    );
  }
  // Not resolved by text: `link/..` is the parent of the link's target, not the folder that holds the link.
  if (root.split(sep).some((segment) => ['.', '..'].includes(segment.normalize('NFKC')))) {
    throw new LocalRootError('dot_segment', 'The root must not contain "." or "..".');
  }
  const real = await realPlace(root);
  for (const allowed of allowedRoots) {
    if (isInside(real, await realPlace(allowed))) return join(sep, root).replace(/(?<=.)\/$/, '');
  }
  throw new LocalRootError('outside', 'The root is outside the folders that local remotes may use.');
}

/**
 * The real absolute place of `path` below `root`, links followed as far as it exists.
 *
 * Guarantees that it lies in the real place of `root`: rclone follows a link that is part of a given path, so a
 * link that leads out would be read and written through. Throws `LocalRootError` for that, and for a link without
 * a target, which a write would create wherever it points.
 */
export async function resolveInside(root: string, path: RemotePath): Promise<string> {
  const [realRoot, real] = await Promise.all([realPlace(root), realPlace(join(root, ...diskNames(path)))]);
  if (!isInside(real, realRoot)) {
    throw new LocalRootError('link_outside', 'The path goes through a link that leads outside the remote.');
  }
  return real;
}

/** Whether two real places are the same or one lies in the other. Composed and decomposed letters do not differ. */
export function placesOverlap(a: string, b: string): boolean {
  const [keyA, keyB] = [comparisonKey(a), comparisonKey(b)];
  return isInside(keyA, keyB) || isInside(keyB, keyA);
}

/**
 * Refuses a copy of the folder `source` to the folder `destination` (both real places, the second below
 * `destinationRoot`) that would write through a link leading out of the remote.
 *
 * rclone skips links when it lists the destination, then writes to the name as if nothing were there, and the
 * system follows the link. Only names present on both sides can be written to, so only those are visited.
 */
export async function refuseLinksInTheWay(
  source: string,
  destination: string,
  destinationRoot: string,
  signal: AbortSignal,
): Promise<void> {
  const realRoot = Buffer.from(await realPlace(destinationRoot));
  const pending: [from: Buffer, to: Buffer][] = [[Buffer.from(source), Buffer.from(destination)]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    signal.throwIfAborted();
    const [from, to] = pair;
    const existing = (await entries(to)).filter((entry) => entry.isSymbolicLink() || entry.isDirectory());
    if (existing.length === 0) continue;
    const incoming = new Set((await entries(from)).map((entry) => entry.name.toString('latin1')));
    for (const entry of existing) {
      if (!incoming.has(entry.name.toString('latin1'))) continue;
      const target = child(to, entry.name);
      if (entry.isDirectory()) pending.push([child(from, entry.name), target]);
      else if (!(await linkStaysInside(target, realRoot))) {
        const name = entry.name.toString();
        throw new LocalRootError(
          'link_outside',
          `The destination has a link "${name}" that leads outside the remote.`,
        );
      }
    }
  }
}

/** Names as they are on the disk, from names as rclone shows them. */
function diskNames(path: RemotePath): string[] {
  return path.split('/').map((name) =>
    name.replace(/\u201b?[\u2400-\u2421]/gu, (picture) => {
      if (picture.length > 1) return picture.slice(1);
      const code = picture.charCodeAt(0) - 0x2400;
      // NUL cannot be in a name; left as it is, the name does not exist.
      return code === 0 ? picture : String.fromCharCode(code === 0x21 ? 0x7f : code);
    }),
  );
}

/** `path` with the links of its deepest existing ancestor followed; what does not exist yet is appended. */
async function realPlace(path: string): Promise<string> {
  const missing: string[] = [];
  for (let current = path; ; current = dirname(current)) {
    try {
      return join(await realpath(current), ...missing);
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        throw new LocalRootError('unreadable', `The folder cannot be examined (${code}).`, { cause: error });
      }
      if (await isLink(current)) {
        throw new LocalRootError('broken_link', 'The path goes through a link that leads nowhere.');
      }
    }
    missing.unshift(basename(current));
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

/** A link without a target counts as leading out: writing to it creates the target. */
async function linkStaysInside(link: Buffer, realRoot: Buffer): Promise<boolean> {
  try {
    const real = await realpath(link, { encoding: 'buffer' });
    return isInside(real.toString('latin1'), realRoot.toString('latin1'));
  } catch {
    return false;
  }
}

async function entries(folder: Buffer): Promise<Dirent<Buffer>[]> {
  try {
    return await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
  } catch {
    return []; // Missing, a file or unreadable: rclone finds the same and says so.
  }
}

/** Bytes, not text: a name that is not valid UTF-8 must not hide a link. */
function child(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from(sep), name]);
}

function isInside(place: string, folder: string): boolean {
  return place === folder || place.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

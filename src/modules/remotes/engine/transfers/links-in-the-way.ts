import { readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { LocalRootError } from '../../local-root.js';
import { InvalidRemotePath, type RemotePath, parseRemotePath } from '../../remote-path.js';

/**
 * Refuses a transfer into the local folder `destination` (a real place below `root`) that would write through a
 * link leading out of the remote, when the source is not on this machine: `isIncoming` tells whether the source has
 * something at a path relative to it. Links are rare, so that asking for each is cheaper than listing the source.
 */
export async function refuseLinksFromAfar(
  destination: string,
  root: string,
  isIncoming: (path: RemotePath) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const realRoot = await realpath(root).catch(() => root);
  const pending = [destination];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal.throwIfAborted();
    // Missing, a file or unreadable: rclone finds the same and says so.
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const place = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(place);
      if (!entry.isSymbolicLink() || (await staysInside(place, realRoot))) continue;
      const path = pathOf(relative(destination, place));
      if (path !== null && !(await isIncoming(path))) continue;
      throw new LocalRootError(
        'link_outside',
        `The destination has a link "${entry.name}" that leads outside the remote.`,
      );
    }
  }
}

/** A link without a target counts as leading out: writing to it creates the target. */
async function staysInside(link: string, realRoot: string): Promise<boolean> {
  const real = await realpath(link).catch(() => null);
  return (
    real !== null &&
    (real === realRoot || real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep))
  );
}

/** The path as rclone shows it: control characters as their pictures. Null for a name that no path can have. */
function pathOf(name: string): RemotePath | null {
  const shown = Array.from(name, (letter) => {
    const code = letter.codePointAt(0) ?? 0;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? '\u2421' : letter;
  }).join('');
  try {
    return parseRemotePath(shown);
  } catch (error) {
    if (error instanceof InvalidRemotePath) return null;
    throw error;
  }
}

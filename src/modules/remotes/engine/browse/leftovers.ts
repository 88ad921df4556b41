import { randomBytes } from 'node:crypto';
import { type RemotePath, joinRemotePath } from '../../remote-path.js';
import type { EngineRemote, FileEntry } from '../transfer-engine.js';
import type { Desk } from './desk.js';

/**
 * What a file is called until it is complete. The end is rclone's own for such files, so that no listing shows
 * them and no job copies them; short, because the name it will have may be as long as a name can be.
 */
const UNFINISHED = /^\.steward-[0-9a-f]{16}\.[0-9a-f]{8}\.partial$/;
/** No writing takes longer. */
const OLD_MS = 48 * 3600 * 1000;

/** Names for unfinished files, and the end of those that nobody finishes any more. */
export class Leftovers {
  constructor(
    private readonly desk: Desk,
    /** The time; without it none is ever old. */
    private readonly now: (() => Date) | undefined,
  ) {}

  /** A new name beside `path`. */
  nameFor(path: RemotePath): RemotePath {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const name = `.steward-${randomBytes(8).toString('hex')}.${randomBytes(4).toString('hex')}.partial`;
    return joinRemotePath(folder as RemotePath, name);
  }

  /** Removes, later, those among `entries` whose writer was killed. Told of every listing. */
  seen(remote: EngineRemote, entries: readonly FileEntry[]): void {
    const unfinished = entries.filter(({ name, isDir }) => !isDir && UNFINISHED.test(name));
    const oldest = (this.now?.().getTime() ?? 0) - OLD_MS;
    const old = unfinished.filter(({ modifiedAt }) => Date.parse(modifiedAt) < oldest);
    for (const { path } of old) void this.remove(remote, path);
  }

  /** Removes one, if it is there. Never throws: what stays is found again. */
  async remove(remote: EngineRemote, path: RemotePath): Promise<void> {
    try {
      await this.desk.change(remote, path, ({ call, fs }) =>
        call('operations/deletefile', { fs, remote: path }),
      );
    } catch {
      // Not there, or not to be had now.
    }
  }
}

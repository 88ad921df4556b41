import { checkLocalRoot, resolveInside } from '../local-root.js';
import { type RemotePath, joinRemotePath, parseRemotePath } from '../remote-path.js';
import { type EngineRemote, type Place, type RemotePart, TransferError } from './transfer-engine.js';

/** As deep as remotes can be made of others. */
const MAX_DEPTH = 8;

/** A place whose root and path have been checked. */
export interface Located {
  remote: EngineRemote;
  path: RemotePath;
  /** Where it really is on this machine; null where it is elsewhere, or in no one place that is known. */
  real: string | null;
}

/**
 * Checks, before every use, that roots and paths stay where they may: what was checked when a remote or a job was
 * made may have become a link since. What remains open is the moment between this check and rclone's use of the
 * path; only an own user or container for the worker closes it.
 */
export class Locator {
  /**
   * `localRoots`: absolute folders that roots of local remotes must be inside of. `mayReach` throws `TransferError` for
   * a remote that leads where none may.
   */
  constructor(
    private readonly localRoots: readonly string[],
    private readonly mayReach: (remote: EngineRemote) => Promise<void> = async () => undefined,
  ) {}

  /** Throws `LocalRootError`, and `TransferError` for a remote that is not among `remotes`. */
  async locate(remotes: readonly EngineRemote[], { remoteId, path }: Place): Promise<Located> {
    const given = remotes.find(({ id }) => id === remoteId);
    if (given === undefined) throw new TransferError('fatal', 'A remote of the job is not known.');
    await this.mayReach(given);
    return { remote: given, path, real: await this.realPlace(given, path, 0) };
  }

  /** Checks whatever of the place is on this machine; null where it is elsewhere, or in no one place. */
  private async realPlace(remote: EngineRemote, path: RemotePath, depth: number): Promise<string | null> {
    if (depth > MAX_DEPTH) throw new TransferError('fatal', 'The remote is made of itself.');
    const { type, parts, root } = remote;
    if (type === 'local') return resolveInside(await checkLocalRoot(root, this.localRoots), path);
    const below = (part: RemotePart, inside: string): Promise<string | null> =>
      this.realPlace(part.remote, joinRemotePath(part.path, inside), depth + 1);
    const inside = joinRemotePath(parseRemotePath(root), path);
    const [only] = parts;
    if (type === 'alias' && only !== undefined) return below(only, inside);
    if (type === 'combine') {
      const [first = '', ...rest] = inside.split('/');
      const part = parts.find(({ name }) => name === first);
      if (part !== undefined) return below(part, rest.join('/'));
    }
    // The names of a crypt are others on the disk, and a file of it can be in any part of a union.
    for (const part of parts) await below(part, type === 'union' ? inside : '');
    return null;
  }
}

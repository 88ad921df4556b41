import { checkLocalRoot, resolveInside } from '../local-root.js';
import type { RemotePath } from '../remote-path.js';
import { type EngineRemote, type Place, TransferError } from './transfer-engine.js';

/** A place whose root and path have been checked. */
export interface Located {
  remote: EngineRemote;
  path: RemotePath;
  /** Where it really is on this machine; null where it is elsewhere, or in no one place. */
  real: string | null;
}

/**
 * Checks, before every use, that roots and paths stay where they may: what was checked when a remote or a job was
 * made may have become a link since. What remains open is the moment between this check and rclone's use of the
 * path; only an own user or container for the worker closes it.
 */
export class Locator {
  /** `localRoots`: absolute folders that roots of local remotes must be inside of. */
  constructor(private readonly localRoots: readonly string[]) {}

  /** Throws `LocalRootError`, and `TransferError` for a remote that is not among `remotes`. */
  async locate(remotes: readonly EngineRemote[], { remoteId, path }: Place): Promise<Located> {
    const given = remotes.find(({ id }) => id === remoteId);
    if (given === undefined) throw new TransferError('fatal', 'A remote of the job is not known.');
    if (given.type !== 'local') return { remote: given, path, real: null };
    const remote = { ...given, root: await checkLocalRoot(given.root, this.localRoots) };
    return { remote, path, real: await resolveInside(remote.root, path) };
  }
}

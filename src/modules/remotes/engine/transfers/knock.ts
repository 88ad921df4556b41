import { causeOf } from '../causes.js';
import { RcError } from '../rc-client.js';
import type { EngineRemote } from '../transfer-engine.js';

type Call = (method: string, parameters: object) => Promise<unknown>;

/**
 * Logs in once to each SFTP server, before the transfer does. rclone takes a login that was refused there for a broken
 * connection and tries ten times within 13 seconds: far sides lock accounts and addresses for less than that.
 *
 * Throws the `RcError` of a refused login. Everything else is left to the transfer, which is patient with it. `names`
 * as of `makeKnown`; to be called before anything else has used them.
 */
export async function knock(
  call: Call,
  remotes: readonly EngineRemote[],
  names: ReadonlyMap<string, string>,
): Promise<void> {
  const servers = remotes.flatMap(leaves).filter(({ type }) => type === 'sftp');
  if (servers.length === 0) return;
  for (const id of new Set(servers.map((server) => server.id))) {
    try {
      // Opens the remote and asks it for nothing: of its root only a file would be of interest, and it is none.
      const opening = { fs: names.get(id) ?? '', remote: '', opt: { filesOnly: true } };
      await call('operations/stat', { ...opening, _config: { LowLevelRetries: 1 } });
    } catch (error) {
      if (error instanceof RcError && causeOf(error.message) === 'auth') throw error;
    }
  }
  // rclone keeps what it has opened, with the number of attempts it was opened with.
  await call('fscache/clear', {});
}

/** The remotes that lead to a storage, of which the others are made. */
const leaves = (remote: EngineRemote): EngineRemote[] =>
  remote.parts.length === 0 ? [remote] : remote.parts.flatMap((part) => leaves(part.remote));

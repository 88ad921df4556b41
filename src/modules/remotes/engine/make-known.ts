import { KnownRemotes } from './known-remotes.js';
import { RcError } from './rc-client.js';
import type { RcloneProcess } from './rclone-process.js';
import { type EngineRemote, TransferError } from './transfer-engine.js';

/**
 * Makes remotes, and what they are made of, known to a process, in its memory only, and answers what each is called
 * there, with the colon: `names.get(remote.id) + path` is an `fs` of rclone. A path is clamped at the root of its
 * remote. Nothing is connected to yet.
 *
 * To be called once per process, with all its remotes: the same remote must have one name, else rclone takes it
 * for two, which forbids moving within it and backing up into it.
 */
export async function makeKnown(
  process: Pick<RcloneProcess, 'call'>,
  remotes: readonly EngineRemote[],
): Promise<Map<string, string>> {
  const { sections, names } = new KnownRemotes(remotes);
  for (const { name, type, parameters } of sections) {
    // Always obscured by rclone itself: a password that looks as if it were already would otherwise be taken so.
    const opt = { nonInteractive: true, obscure: true };
    try {
      await process.call('config/create', { name, type, parameters, opt });
    } catch (error) {
      // rclone's text may repeat what it was given.
      if (!(error instanceof RcError)) throw error;
      throw new TransferError('fatal', `rclone refuses the configuration of a remote of type ${type}.`);
    }
  }
  return names;
}

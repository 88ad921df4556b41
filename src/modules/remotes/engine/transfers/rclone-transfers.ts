import { stat as localStat } from 'node:fs/promises';
import { placesOverlap, refuseLinksInTheWay, resolveInside } from '../../local-root.js';
import { ROOT, baseName, displayPath, joinRemotePath } from '../../remote-path.js';
import type { Located, Locator } from '../locator.js';
import { makeKnown } from '../make-known.js';
import { entryAt, rootEntry } from '../rc-files.js';
import { CopyLog } from '../rc-log.js';
import { rcBandwidth, rcConfig, rcFilter } from '../rc-options.js';
import { type CopyTask, RcloneCopy } from '../rclone-copy.js';
import type { RcloneLauncher } from '../rclone-launcher.js';
import type { RcloneProcess } from '../rclone-process.js';
import { translated } from '../translated.js';
import {
  type EngineRemote,
  TransferError,
  type TransferObserver,
  type TransferOperation,
  type TransferOptions,
  type TransferResult,
} from '../transfer-engine.js';

/** The operations of `TransferEngine.transfer`, each in a process of its own. */
export class RcloneTransfers {
  constructor(
    private readonly launcher: RcloneLauncher,
    private readonly locator: Locator,
    /** How long rclone may take to stop a cancelled copy by itself before it is killed. */
    private readonly stopLimitMs: number,
  ) {}

  async transfer(
    remotes: readonly EngineRemote[],
    operation: TransferOperation,
    observer: TransferObserver,
  ): Promise<TransferResult> {
    if (operation.kind !== 'copy') throw new TransferError('not_supported', 'This cannot be done yet.');
    const { source, destination, options } = operation;
    const roots = remotes.map(({ root }) => root);
    return translated(roots, observer.signal, async () => {
      observer.signal.throwIfAborted();
      refuseBadOptions(options);
      const from = await this.locator.locate(remotes, source);
      const to = await this.locator.locate(remotes, destination);
      const command = await this.launcher.command();
      const log = new CopyLog(roots);
      const process = await this.launcher.launch(command, {
        jobExpiry: '24h',
        onLine: (line) => log.add(line),
      });
      try {
        const places = await this.prepare(process, from, to, observer.signal);
        const task = {
          ...places,
          options,
          observer,
          stopLimitMs: this.stopLimitMs,
          rcloneVersion: command.version,
        };
        return await new RcloneCopy(process, log, task).run();
      } finally {
        await process.kill();
      }
    });
  }

  /** Makes the remotes in the process, finds out what is to be copied, and refuses what must not be. */
  private async prepare(
    process: RcloneProcess,
    from: Located,
    to: Located,
    signal: AbortSignal,
  ): Promise<Pick<CopyTask, 'source' | 'destination'>> {
    if (from.real === null || to.real === null)
      throw new TransferError('not_supported', 'This cannot be done yet.');
    const names = await makeKnown(process, [from.remote, to.remote]);
    const source = { fs: names.get(from.remote.id) ?? '', path: from.path, isDir: true };
    const destination = { fs: names.get(to.remote.id) ?? '', path: to.path };

    const there = await localStat(from.real).catch(() => null);
    // The same for a source: rclone would wait for a writer of the pipe until the job's time is over.
    if (there && !there.isDirectory() && !there.isFile())
      throw new TransferError(
        'not_found',
        `There is neither a file nor a folder at ${displayPath(from.path)}.`,
      );
    const entry =
      from.path === ROOT ? await rootEntry(from.real) : await entryAt(process, source.fs, from.path);
    if (entry === null)
      throw new TransferError('not_found', `There is nothing at ${displayPath(from.path)}.`);
    if (entry.isDir) {
      if (placesOverlap(from.real, to.real)) throw overlap();
      await refuseLinksInTheWay(from.real, to.real, to.remote.root, signal);
      return { source, destination };
    }
    const intoFolder = to.path === ROOT || (await entryAt(process, destination.fs, to.path))?.isDir === true;
    if (intoFolder) destination.path = joinRemotePath(to.path, baseName(from.path));
    if ((await resolveInside(to.remote.root, destination.path)) === from.real) throw overlap();
    return { source: { ...source, isDir: false }, destination };
  }
}

/** Before a process is started for them. */
function refuseBadOptions(options: TransferOptions): void {
  rcConfig(options);
  rcFilter(options);
  if (options.bandwidthLimit !== undefined) rcBandwidth(options.bandwidthLimit);
}

function overlap(): TransferError {
  return new TransferError('overlap', 'Source and destination are the same place or lie in each other.');
}

import type { LogLine } from './rc-log.js';
import { RcloneBinary, type RcloneCommand } from './rclone-binary.js';
import { RcloneProcess, RcloneStartError } from './rclone-process.js';
import { type EngineAvailability, TransferError } from './transfer-engine.js';

/** Starts every rclone of one engine, and ends them all with it. */
export class RcloneLauncher {
  private readonly binary: RcloneBinary;
  private readonly launches = new Set<Promise<RcloneProcess>>();
  private readonly closing = new AbortController();

  constructor(options: { rclonePath?: string | undefined; searchPath?: string | undefined }) {
    this.binary = new RcloneBinary({ path: options.rclonePath, searchPath: options.searchPath });
  }

  async availability(): Promise<EngineAvailability> {
    if (this.closing.signal.aborted) return { available: false, reason: 'closed', hint: 'It is shut down.' };
    return this.binary.availability();
  }

  /** rclone as it can be started. Throws `TransferError` (`unavailable`). */
  async command(): Promise<RcloneCommand> {
    const found = await this.binary.locate();
    if ('available' in found) throw new TransferError('unavailable', found.hint);
    return found;
  }

  /** `options` as those of `RcloneProcess.start`. Throws `TransferError` (`unavailable`, `temporary`). */
  async launch(
    command: RcloneCommand,
    options: { jobExpiry: string; onLine?: (line: LogLine) => void },
  ): Promise<RcloneProcess> {
    if (this.closing.signal.aborted) throw new TransferError('unavailable', 'The file engine is shut down.');
    const launch = RcloneProcess.start(command, { ...options, signal: this.closing.signal });
    this.launches.add(launch);
    const forget = (): void => void this.launches.delete(launch);
    try {
      const process = await launch;
      void process.exited.finally(forget);
      return process;
    } catch (cause) {
      forget();
      if (!(cause instanceof RcloneStartError)) throw cause;
      // Perhaps it was removed or replaced since it was found.
      this.binary.forget();
      throw new TransferError(cause.missing ? 'unavailable' : 'temporary', cause.message, { cause });
    }
  }

  /** Kills every process and refuses to start more. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled([...this.launches].map(async (launch) => (await launch).kill()));
  }
}

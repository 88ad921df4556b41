import type { Readable } from 'node:stream';
import { ROOT, type RemotePath } from '../remote-path.js';
import { RcloneBrowsing } from './browse/rclone-browsing.js';
import { Locator } from './locator.js';
import { RcloneLauncher } from './rclone-launcher.js';
import { RcloneTransfers } from './transfers/rclone-transfers.js';
import {
  type ByteRange,
  type EngineAvailability,
  type EngineRemote,
  type FileEntry,
  TransferEngine,
  TransferError,
  type TransferObserver,
  type TransferOperation,
  type TransferResult,
  type Usage,
} from './transfer-engine.js';

export interface RcloneEngineOptions {
  /** The rclone program; without it `rclone` is looked for in `searchPath` (as in PATH). */
  rclonePath?: string | undefined;
  searchPath?: string | undefined;
  /** Absolute directories that roots of local remotes must be inside of. */
  localRoots: readonly string[];
  /** How long rclone may take to stop a cancelled copy by itself before it is killed. */
  stopLimitMs?: number;
}

const STOP_LIMIT_MS = 10_000;

/** The engine on rclone: a private process per transfer, and a small pool of processes for everything else. */
export class RcloneEngine extends TransferEngine {
  private readonly launcher: RcloneLauncher;
  private readonly transfers: RcloneTransfers;
  private readonly browsing: RcloneBrowsing;

  constructor(options: RcloneEngineOptions) {
    super();
    const locator = new Locator(options.localRoots);
    this.launcher = new RcloneLauncher(options);
    this.transfers = new RcloneTransfers(this.launcher, locator, options.stopLimitMs ?? STOP_LIMIT_MS);
    this.browsing = new RcloneBrowsing(this.launcher, locator);
  }

  override async availability(): Promise<EngineAvailability> {
    return this.launcher.availability();
  }

  override async transfer(
    remotes: readonly EngineRemote[],
    operation: TransferOperation,
    observer: TransferObserver,
  ): Promise<TransferResult> {
    return this.transfers.transfer(remotes, operation, observer);
  }

  override async list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]> {
    return this.browsing.list(remote, path);
  }

  override async stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    return this.browsing.stat(remote, path);
  }

  override async probe(remote: EngineRemote): Promise<void> {
    await this.list(remote, ROOT);
  }

  override async usage(_remote: EngineRemote): Promise<Usage> {
    throw notYet();
  }

  override async makeFolder(_remote: EngineRemote, _path: RemotePath): Promise<void> {
    throw notYet();
  }

  override async remove(_remote: EngineRemote, _path: RemotePath): Promise<void> {
    throw notYet();
  }

  override async rename(_remote: EngineRemote, _from: RemotePath, _to: RemotePath): Promise<void> {
    throw notYet();
  }

  override async read(_remote: EngineRemote, _path: RemotePath, _range: ByteRange | null): Promise<Readable> {
    throw notYet();
  }

  override async write(
    _remote: EngineRemote,
    _path: RemotePath,
    _content: Readable,
    _signal: AbortSignal,
  ): Promise<FileEntry> {
    throw notYet();
  }

  override async close(): Promise<void> {
    await Promise.all([this.browsing.close(), this.launcher.close()]);
  }
}

const notYet = (): TransferError => new TransferError('not_supported', 'This cannot be done yet.');

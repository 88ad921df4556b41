import type { Readable } from 'node:stream';
import type { RemotePath } from '../remote-path.js';
import { Changing } from './browse/changing.js';
import { Contents } from './browse/contents.js';
import { Desk } from './browse/desk.js';
import { Leftovers } from './browse/leftovers.js';
import { Looking } from './browse/looking.js';
import { UploadDesk } from './browse/upload-desk.js';
import { Locator } from './locator.js';
import { RcloneLauncher } from './rclone-launcher.js';
import type { OnToken } from './token-watch.js';
import { RcloneTransfers } from './transfers/rclone-transfers.js';
import {
  type ByteRange,
  type EngineAvailability,
  type EngineRemote,
  type FileEntry,
  type RemoteFeatures,
  TransferEngine,
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
  /** Asked before each use; throws `TransferError` for a remote that leads where none may. */
  mayReach?: (remote: EngineRemote) => Promise<void>;
  /** Is told of every token that rclone has renewed. */
  onToken?: OnToken;
  /** The time; without it what killed writings have left behind is never old enough to be removed. */
  now?: () => Date;
}

const STOP_LIMIT_MS = 10_000;
/** One takes about 45 MB. */
const POOL = { kept: 4, most: 16, idleMs: 60_000, waitMs: 30_000 };

/** The engine on rclone: a private process per transfer, and a small pool of processes for everything else. */
export class RcloneEngine extends TransferEngine {
  private readonly launcher: RcloneLauncher;
  private readonly transfers: RcloneTransfers;
  private readonly desk: Desk;
  private readonly uploads = new UploadDesk();
  private readonly looking: Looking;
  private readonly changing: Changing;
  private readonly contents: Contents;

  constructor(options: RcloneEngineOptions) {
    super();
    const locator = new Locator(options.localRoots, options.mayReach);
    this.launcher = new RcloneLauncher(options);
    const { stopLimitMs = STOP_LIMIT_MS, onToken = () => undefined } = options;
    this.transfers = new RcloneTransfers(this.launcher, locator, stopLimitMs, onToken);
    this.desk = new Desk(this.launcher, locator, POOL, onToken);
    const leftovers = new Leftovers(this.desk, options.now);
    this.looking = new Looking(this.desk, leftovers);
    this.changing = new Changing(this.desk);
    this.contents = new Contents(this.desk, this.uploads, leftovers);
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

  override async probe(remote: EngineRemote): Promise<void> {
    return this.looking.probe(remote);
  }

  override async list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]> {
    return this.looking.list(remote, path);
  }

  override async stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    return this.looking.stat(remote, path);
  }

  override async features(remote: EngineRemote): Promise<RemoteFeatures> {
    return this.looking.features(remote);
  }

  override async usage(remote: EngineRemote): Promise<Usage> {
    return this.looking.usage(remote);
  }

  override async makeFolder(remote: EngineRemote, path: RemotePath): Promise<void> {
    return this.changing.makeFolder(remote, path);
  }

  override async remove(remote: EngineRemote, path: RemotePath): Promise<void> {
    return this.changing.remove(remote, path);
  }

  override async rename(remote: EngineRemote, from: RemotePath, to: RemotePath): Promise<void> {
    return this.changing.rename(remote, from, to);
  }

  override async read(remote: EngineRemote, path: RemotePath, range: ByteRange | null): Promise<Readable> {
    return this.contents.read(remote, path, range);
  }

  override async write(
    remote: EngineRemote,
    path: RemotePath,
    content: Readable,
    signal: AbortSignal,
    size: number | null = null,
  ): Promise<FileEntry> {
    return this.contents.write(remote, path, content, signal, size);
  }

  override async close(): Promise<void> {
    await Promise.all([this.desk.close(), this.uploads.close(), this.launcher.close()]);
  }
}

import { stat as localStat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  LocalRootError,
  checkLocalRoot,
  placesOverlap,
  refuseLinksInTheWay,
  resolveInside,
} from '../local-root.js';
import {
  InvalidRemotePath,
  ROOT,
  type RemotePath,
  baseName,
  displayPath,
  joinRemotePath,
} from '../remote-path.js';
import { judge } from './failure.js';
import { RcConnectionError, RcError } from './rc-client.js';
import { createRemote, entriesOf, entryAt, isMissing } from './rc-files.js';
import { CopyLog, type LogLine } from './rc-log.js';
import { rcBandwidth, rcConfig, rcFilter } from './rc-options.js';
import { RcloneBinary, type RcloneCommand } from './rclone-binary.js';
import { type CopyTask, RcloneCopy } from './rclone-copy.js';
import { RcloneProcess, RcloneStartError } from './rclone-process.js';
import { RemotePool } from './remote-pool.js';
import {
  type ByteRange,
  type EngineAvailability,
  type EngineRemote,
  type FileEntry,
  FileNotFound,
  type Place,
  TransferEngine,
  TransferError,
  type TransferObserver,
  type TransferOperation,
  type TransferOptions,
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

/** A place whose root and path have been checked. */
interface Located {
  remote: EngineRemote;
  path: RemotePath;
  /** Where it really is on this machine. */
  real: string;
}

const STOP_LIMIT_MS = 10_000;
const POOL = { max: 4, idleMs: 60_000 };

/**
 * The engine on rclone: a private process per copy, and a small pool of processes, one per remote, for look-ups.
 *
 * Every use checks again that roots and paths stay where they may: what was checked when a remote or a job was
 * made may have become a link since. What remains open is the moment between this check and rclone's use of the
 * path; only an own user or container for the worker closes it.
 */
export class RcloneEngine extends TransferEngine {
  private readonly binary: RcloneBinary;
  private readonly pool: RemotePool;
  private readonly launches = new Set<Promise<RcloneProcess>>();
  private readonly closing = new AbortController();

  constructor(private readonly options: RcloneEngineOptions) {
    super();
    this.binary = new RcloneBinary({ path: options.rclonePath, searchPath: options.searchPath });
    this.pool = new RemotePool((remote) => this.serve(remote), POOL);
  }

  override async availability(): Promise<EngineAvailability> {
    if (this.closing.signal.aborted) return { available: false, reason: 'closed', hint: 'It is shut down.' };
    return this.binary.availability();
  }

  override async transfer(
    remotes: readonly EngineRemote[],
    operation: TransferOperation,
    observer: TransferObserver,
  ): Promise<TransferResult> {
    if (operation.kind !== 'copy') throw notYet();
    const { source, destination, options } = operation;
    const roots = remotes.map(({ root }) => root);
    return this.translated(roots, observer.signal, async () => {
      observer.signal.throwIfAborted();
      refuseBadOptions(options);
      const from = await this.locate(remotes, source);
      const to = await this.locate(remotes, destination);
      const command = await this.command();
      const log = new CopyLog(roots);
      const process = await this.launch(command, '24h', (line) => log.add(line));
      try {
        const places = await this.prepare(process, from, to, observer.signal);
        const stopLimitMs = this.options.stopLimitMs ?? STOP_LIMIT_MS;
        const task = { ...places, options, observer, stopLimitMs, rcloneVersion: command.version };
        return await new RcloneCopy(process, log, task).run();
      } finally {
        await process.kill();
      }
    });
  }

  override async list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]> {
    return this.translated([remote.root], undefined, async () => {
      const { real } = await this.locate([remote], { remoteId: remote.id, path });
      // rclone opens what it lists: a named pipe would keep its process busy until the call is given up.
      if (await isNoFolder(real)) throw new FileNotFound(`There is no folder at ${displayPath(path)}.`);
      try {
        return await this.pool.use(remote, (process) => entriesOf(process, 'r1:', path));
      } catch (error) {
        if (!isMissing(error)) throw error;
        throw new FileNotFound(`There is no folder at ${displayPath(path)}.`, { cause: error });
      }
    });
  }

  override async stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    return this.translated([remote.root], undefined, async () => {
      const { real } = await this.locate([remote], { remoteId: remote.id, path });
      if (path === ROOT) return rootEntry(real);
      return this.pool.use(remote, (process) => entryAt(process, 'r1:', path));
    });
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
    this.closing.abort();
    await this.pool.close();
    await Promise.allSettled([...this.launches].map(async (launch) => (await launch).kill()));
  }

  private async locate(remotes: readonly EngineRemote[], { remoteId, path }: Place): Promise<Located> {
    const given = remotes.find(({ id }) => id === remoteId);
    if (given === undefined) throw new TransferError('fatal', 'A remote of the copy is not known.');
    const remote = { ...given, root: await checkLocalRoot(given.root, this.options.localRoots) };
    return { remote, path, real: await resolveInside(remote.root, path) };
  }

  /** Makes the remotes in the process, finds out what is to be copied, and refuses what must not be. */
  private async prepare(
    process: RcloneProcess,
    from: Located,
    to: Located,
    signal: AbortSignal,
  ): Promise<Pick<CopyTask, 'source' | 'destination'>> {
    await createRemote(process, 'r1', from.remote);
    // The same remote on both sides must have one name, else rclone takes it for two.
    const same = from.remote.id === to.remote.id;
    if (!same) await createRemote(process, 'r2', to.remote);
    const source = { fs: 'r1:', path: from.path, isDir: true };
    const destination = { fs: same ? 'r1:' : 'r2:', path: to.path };

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

  /** A process of the pool, which knows its remote as `r1`. */
  private async serve(remote: EngineRemote): Promise<RcloneProcess> {
    const process = await this.launch(await this.command(), '60s');
    try {
      await createRemote(process, 'r1', remote);
    } catch (error) {
      await process.kill();
      throw error;
    }
    return process;
  }

  private async command(): Promise<RcloneCommand> {
    const found = await this.binary.locate();
    if ('available' in found) throw new TransferError('unavailable', found.hint);
    return found;
  }

  private async launch(
    command: RcloneCommand,
    jobExpiry: string,
    onLine?: (line: LogLine) => void,
  ): Promise<RcloneProcess> {
    if (this.closing.signal.aborted) throw new TransferError('unavailable', 'The file engine is shut down.');
    const options = { jobExpiry, signal: this.closing.signal, ...(onLine && { onLine }) };
    const launch = RcloneProcess.start(command, options);
    this.launches.add(launch);
    const forget = (): void => void this.launches.delete(launch);
    try {
      const process = await launch;
      void process.exited.finally(forget);
      return process;
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Runs `work` and turns what it throws into the errors that `TransferEngine` promises. */
  private async translated<T>(
    roots: string[],
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof TransferError || cause instanceof FileNotFound) throw cause;
      if (signal?.aborted) throw new TransferError('cancelled', 'The copy was cancelled.', { cause });
      if (cause instanceof LocalRootError) throw new TransferError('permission', cause.message, { cause });
      if (cause instanceof InvalidRemotePath) throw new TransferError('fatal', cause.message, { cause });
      if (cause instanceof RcConnectionError) throw new TransferError('temporary', cause.message, { cause });
      if (cause instanceof RcloneStartError) {
        // Perhaps it was removed or replaced since it was found.
        this.binary.forget();
        throw new TransferError(cause.missing ? 'unavailable' : 'temporary', cause.message, { cause });
      }
      if (cause instanceof RcError) {
        const error = new CopyLog(roots).redact(cause.message);
        const verdict = judge({ error, fatal: false, failed: 0, failures: [], succeeded: 0 });
        throw new TransferError(verdict.kind, verdict.message, { retryable: verdict.retryable, cause });
      }
      throw cause;
    }
  }
}

/** The root of a local remote; null if it is not there. rclone says of every root that it is. */
async function rootEntry(real: string): Promise<FileEntry | null> {
  const root = await localStat(real).catch(() => null);
  if (root?.isDirectory() !== true) return null;
  return { name: '', path: ROOT, size: null, isDir: true, modifiedAt: root.mtime.toISOString() };
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

/** Whether something else than a folder is there. What is missing or unreadable is left for rclone to tell. */
async function isNoFolder(place: string): Promise<boolean> {
  const found = await localStat(place).catch(() => null);
  return found !== null && !found.isDirectory();
}

const notYet = (): TransferError => new TransferError('not_supported', 'This cannot be done yet.');

import type { RemotePath } from '../remote-path.js';

/** A configured place for files, as far as the engine needs to know it. */
export interface EngineRemote {
  /** Identity: two places with the same `id` are on the same remote. */
  id: string;
  type: 'local';
  /** Absolute directory every path of the remote is below. */
  root: string;
}

export interface Place {
  remoteId: string;
  path: RemotePath;
}

export interface CopyOptions {
  /** rclone filter patterns; where given, only matching files are copied. */
  include?: string[];
  /** rclone filter patterns; a match is not copied, even if `include` matches too. */
  exclude?: string[];
  /** Report what would be copied and write nothing. */
  dryRun?: boolean;
  /** Compare by checksum and size instead of modification time and size. */
  checksum?: boolean;
  /** Bytes per second for the whole copy. */
  bandwidthLimit?: number;
  /** Files copied at once, 1–8. */
  transfers?: number;
  /** Files compared at once, 1–16. */
  checkers?: number;
}

export interface TransferProgress {
  /** 0–100, whole. Never decreases within one call; 100 only after success. */
  percent: number;
  phase: 'listing' | 'transferring' | 'finishing';
  /** The totals still grow, so `percent` says nothing yet. */
  indeterminate: boolean;
  bytes: number;
  totalBytes: number;
  files: number;
  totalFiles: number;
  bytesPerSecond: number;
  secondsLeft: number | null;
  /** Files being copied now; names are relative to the source folder. */
  current: { name: string; percent: number }[];
}

export interface FailedFile {
  name: string;
  error: string;
}

/** What a copy did. With `dryRun` the numbers say what it would have done. */
export interface TransferResult {
  engine: { rclone: string };
  dryRun: boolean;
  bytes: number;
  files: {
    /** Copied because they were new or differed. */
    transferred: number;
    /** Compared with an existing file of the destination, whether copied afterwards or not. */
    checked: number;
    failed: number;
  };
  /** The first failures, at most `MAX_FAILED_FILES`. */
  failedFiles: FailedFile[];
  durationMs: number;
  /** Mean over the whole duration. */
  bytesPerSecond: number;
}

export const MAX_FAILED_FILES = 100;

export interface TransferObserver {
  /** Aborting it ends the copy: see `TransferEngine.copy`. */
  signal: AbortSignal;
  /** At most about twice a second, more often in the first second. */
  onProgress(progress: TransferProgress): void;
  /** Milestones, warnings and errors; not a line per copied file. Messages hold no path of the server. */
  onLog(level: 'info' | 'warning' | 'error', message: string, details?: object): void;
}

export interface FileEntry {
  name: string;
  path: RemotePath;
  /** Bytes; null for a folder. */
  size: number | null;
  isDir: boolean;
  /** RFC 3339, UTC, milliseconds. */
  modifiedAt: string;
}

export type EngineAvailability =
  | { available: true; version: string }
  | {
      available: false;
      reason: 'missing' | 'too_old' | 'broken' | 'closed';
      /** What a person can do about it. */
      hint: string;
    };

export type TransferErrorKind =
  /** The signal was aborted. */
  | 'cancelled'
  /** The source is not there. */
  | 'not_found'
  /** The system or the remote refuses; also a root or link that leads outside. */
  | 'permission'
  /** Source and destination are the same or lie in each other. */
  | 'overlap'
  /** Worth another attempt as it is. */
  | 'temporary'
  /** Some files were copied, others failed: see `result.failedFiles`. */
  | 'partial'
  /** Another attempt would fail in the same way. */
  | 'fatal'
  /** There is no engine now; nothing was begun. */
  | 'unavailable';

/** A copy or a look-up that did not succeed. `message` is fit for the owner of the job. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  readonly retryable: boolean;
  /** Files whose last bytes may be missing at the destination (names relative to the source folder). */
  readonly possiblyPartial: string[];
  /** What was done before the failure, where a copy had begun. */
  readonly result: TransferResult | null;

  constructor(
    readonly kind: TransferErrorKind,
    message: string,
    details: {
      retryable?: boolean;
      possiblyPartial?: string[];
      result?: TransferResult;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.retryable = details.retryable ?? (kind === 'temporary' || kind === 'unavailable');
    this.possiblyPartial = details.possiblyPartial ?? [];
    this.result = details.result ?? null;
  }
}

/** There is no file or folder at the path asked for. */
export class FileNotFound extends Error {
  override readonly name = 'FileNotFound';
}

/**
 * Copies and lists files of remotes. The port between the remotes module and whatever moves the bytes, and the
 * token it is injected by. Throws `TransferError`, and `FileNotFound` where said, and nothing else on purpose.
 */
export abstract class TransferEngine {
  /** Whether the engine can work now. Cheap; a missing program is looked for again at most every 30 s. */
  abstract availability(): Promise<EngineAvailability>;

  /**
   * Copies a file or the content of a folder. `remotes` holds the remotes of both places.
   *
   * A folder's content goes into the destination folder, which is made if missing. A file goes into the
   * destination if that is a folder (the root always is), else becomes the file of that path; filters apply to
   * folders only. Symbolic links are left out with a warning. Files that are equal already are not copied again, so running it twice is safe and continues an
   * interrupted copy file by file. Nothing is ever deleted at the destination.
   *
   * Aborting `observer.signal` ends it within about ten seconds, in the worst case by killing the program, with
   * kind `cancelled` and the names of files that may be incomplete.
   */
  abstract copy(
    remotes: EngineRemote[],
    source: Place,
    destination: Place,
    options: CopyOptions,
    observer: TransferObserver,
  ): Promise<TransferResult>;

  /** The entries of one folder, in no particular order. Throws `FileNotFound` if there is no folder at `path`. */
  abstract list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]>;

  /** One file or folder; null if there is none. */
  abstract stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null>;

  /** Ends every running program of the engine and refuses further work. Running copies fail. */
  abstract close(): Promise<void>;
}

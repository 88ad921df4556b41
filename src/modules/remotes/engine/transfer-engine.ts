import type { Readable } from 'node:stream';
import type { Hidden } from '../names/hidden.js';
import type { RemotePath } from '../remote-path.js';
import type { RemoteType } from '../types/remote-types.js';
import type { TransferResult } from './transfer-result.js';

export { FileNotFound, TransferError, type TransferErrorKind } from './transfer-error.js';
export * from './transfer-result.js';

/**
 * rclone's options of a remote, by their names there. Built by this module from closed lists, never by a client.
 * Passwords are plain: rclone's `config/create` has to be told to obscure them.
 */
export type RemoteOptions = Readonly<Record<string, string | number | boolean>>;

/** A configured place for files, as far as the engine needs to know it. Lives in memory only: it holds the secrets. */
export interface EngineRemote {
  /** Identity: two places with the same `id` are on the same remote. */
  readonly id: string;
  readonly type: RemoteType;
  /** Every path of the remote is below it: an absolute folder of the server for `local`, else a path of the remote. */
  readonly root: string;
  /** Another number after every change of the remote or of what it is made of, so that no process serves an older one. */
  readonly version: number;
  /** Which of its secrets these are: whoever writes a renewed token back names it. Absent where nothing is stored. */
  readonly secretsVersion?: number;
  readonly options: RemoteOptions;
  /** What an alias, crypt, union or combine is made of; empty for all others. */
  readonly parts: readonly RemotePart[];
}

export interface RemotePart {
  readonly remote: EngineRemote;
  readonly path: RemotePath;
  /** The folder a part of a combine appears as; null for the others. */
  readonly name: string | null;
  /** Nothing is written to it: a part of a union. */
  readonly readOnly: boolean;
}

export interface Place {
  remoteId: string;
  path: RemotePath;
}

export interface TransferOptions {
  /** rclone filter patterns; where given, only matching files are meant. */
  include?: string[];
  /** rclone filter patterns; a match is not meant, even if `include` matches too. */
  exclude?: string[];
  /**
   * Folders and files, relative to the folder that is transferred, that are left alone whatever the patterns say. What
   * is hidden by a pattern is left alone in every spelling; see `HiddenPattern` for what else may be.
   */
  hidden?: Hidden[];
  /** Report what would be done and write nothing. */
  dryRun?: boolean;
  /** Compare by checksum and size instead of modification time and size. */
  checksum?: boolean;
  /** Compare both sides when all is done. */
  verify?: boolean;
  /** Bytes per second for the whole transfer. */
  bandwidthLimit?: number;
  /** Files copied at once, 1–8. */
  transfers?: number;
  /** Files compared at once, 1–16. */
  checkers?: number;
}

/** What keeps a sync or a mirroring backup from emptying its destination. */
export interface DeleteProtection {
  /** The explicit yes: nothing below is asked. */
  allowMassDelete: boolean;
  /** More deletions than this *and* than this part of the files at the destination stop it before it begins. */
  mostDeletes: number;
  mostDeletesPercent: number;
}

export type TransferOperation =
  /** Deletes nothing at the destination. */
  | { kind: 'copy'; source: Place; destination: Place; options: TransferOptions }
  /** Each file is deleted at the source when it is complete at the destination. */
  | { kind: 'move'; source: Place; destination: Place; options: TransferOptions }
  /** Makes the destination equal to the source; what only the destination has is deleted. */
  | {
      kind: 'sync';
      source: Place;
      destination: Place;
      options: TransferOptions;
      protection: DeleteProtection;
    }
  /** A copy, or with `mirror` a sync, into `destination`, that moves what it replaces or deletes to `versions`. */
  | {
      kind: 'backup';
      source: Place;
      destination: Place;
      versions: RemotePath;
      mirror: boolean;
      options: TransferOptions;
      protection: DeleteProtection;
    }
  /** A file, or a folder with everything in it that the options mean. */
  | { kind: 'delete'; target: Place; options: TransferOptions };

export interface TransferProgress {
  /** 0–100, whole. Never decreases within one call; 100 only after success. */
  percent: number;
  phase: 'listing' | 'planning' | 'transferring' | 'deleting' | 'verifying' | 'finishing';
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

/** What can be changed about a transfer that runs. */
export interface TransferControl {
  /** Bytes per second; null: as fast as it goes. */
  limitBandwidth(bytesPerSecond: number | null): Promise<void>;
}

export interface TransferObserver {
  /** Aborting it ends the transfer: see `TransferEngine.transfer`. */
  signal: AbortSignal;
  /** An attempt before this one may have done part of it, or all: a source or target that is gone is then no error. */
  isRepeated: boolean;
  onStart(control: TransferControl): void;
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

export interface Usage {
  /** Bytes; null where the remote does not tell. */
  total: number | null;
  used: number | null;
  free: number | null;
}

/** What a remote can do, for whoever compares names and files on it. */
export interface RemoteFeatures {
  /** Names that differ in their case only are the same one. */
  caseInsensitive: boolean;
  /** Checksums it tells, by rclone's names; empty where it has none. */
  hashes: string[];
  /** Files can be moved within it without being read. */
  canMove: boolean;
  /** Files can be copied within it without being read. */
  canCopy: boolean;
  /** It keeps the modification times that files are written with. */
  keepsModificationTime: boolean;
}

/** Bytes `from` … `to`, both included, of a file. */
export interface ByteRange {
  from: number;
  to: number;
}

/**
 * Works on files of remotes. The port between the remotes module and whatever moves the bytes, and the token it is
 * injected by. Throws `TransferError`, and `FileNotFound` where said, and nothing else on purpose.
 */
export abstract class TransferEngine {
  /** Whether the engine can work now. Cheap; a missing program is looked for again at most every 30 s. */
  abstract availability(): Promise<EngineAvailability>;

  /**
   * Carries out one operation. `remotes` holds the remotes of all its places.
   *
   * A folder's content goes into the destination folder, which is made if missing. A file goes into the
   * destination if that is a folder (the root always is), else becomes the file of that path; filters apply to
   * folders only. Symbolic links are left out with a warning. Files that are equal already are not copied again, so
   * running it twice is safe and continues an interrupted one file by file.
   *
   * Aborting `observer.signal` ends it within about ten seconds, in the worst case by killing the program, with
   * kind `cancelled` and the names of files that may be incomplete.
   */
  abstract transfer(
    remotes: readonly EngineRemote[],
    operation: TransferOperation,
    observer: TransferObserver,
  ): Promise<TransferResult>;

  /** Resolves when the remote can be reached and listed; throws `auth`, `temporary`, `not_found` … when not. */
  abstract probe(remote: EngineRemote): Promise<void>;

  /** The entries of one folder, in no particular order. Throws `FileNotFound` if there is no folder at `path`. */
  abstract list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]>;

  /** One file or folder; null if there is none. */
  abstract stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null>;

  /** What the remote can do; unless an engine finds out, as little as can be. */
  features(_remote: EngineRemote): Promise<RemoteFeatures> {
    return Promise.resolve({
      caseInsensitive: false,
      hashes: [],
      canMove: false,
      canCopy: false,
      keepsModificationTime: false,
    });
  }

  /** Space of the remote, as far as it tells. */
  abstract usage(remote: EngineRemote): Promise<Usage>;

  /** With those above it; one that is there already is no error. `exists` where a file stands in the way. */
  abstract makeFolder(remote: EngineRemote, path: RemotePath): Promise<void>;

  /** A file, or an empty folder (`exists` when it is not empty). Throws `FileNotFound`. */
  abstract remove(remote: EngineRemote, path: RemotePath): Promise<void>;

  /** Moves one file within its remote. Throws `FileNotFound`, and `exists` when something is at `to`. */
  abstract rename(remote: EngineRemote, from: RemotePath, to: RemotePath): Promise<void>;

  /** The content of a file, or of a part of it. Throws `FileNotFound`. Destroying the stream ends the reading. */
  abstract read(remote: EngineRemote, path: RemotePath, range: ByteRange | null): Promise<Readable>;

  /**
   * Writes a file, replacing one that is there, and answers what is there then. `exists` where a folder is. When
   * `content` fails or `signal` is aborted, what was there stays, and no file with half of the content. `size`: how
   * many bytes there will be, if that is known; a content of another size is refused, and without it some remotes
   * (WebDAV, OneDrive) accept small contents only (`not_supported`).
   */
  abstract write(
    remote: EngineRemote,
    path: RemotePath,
    content: Readable,
    signal: AbortSignal,
    size?: number | null,
  ): Promise<FileEntry>;

  /** Ends every running program of the engine and refuses further work. Running transfers fail. */
  abstract close(): Promise<void>;
}

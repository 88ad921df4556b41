import type { LogLine } from '../rc-log.js';

const COPIED = /^(Multi-thread )?Copied \(/;
const REPLACED = /replaced existing\)/;
const SERVER_SIDE = 'Copied (server-side copy)';
const MOVED = /^Moved \(server-side\)/;
/** The two lines of one file are written by one thread, so at most a few others' come between them. */
const REMEMBERED = 10_000;

/** The names most lately added, at most `REMEMBERED`. */
class LatestNames {
  private readonly names = new Set<string>();

  add(name: string): void {
    this.names.add(name);
    if (this.names.size <= REMEMBERED) return;
    for (const oldest of this.names) {
      this.names.delete(oldest);
      break;
    }
  }

  take(name: string): boolean {
    return this.names.delete(name);
  }
}

/**
 * Counts what happened to files, from the lines of the log at level INFO: the statistics do not tell new files
 * from replaced ones, nor a deleted source from a deleted destination, and count some things twice.
 *
 * rclone's lines for one file, by what is done:
 * copy, sync: `Copied (new)` or `Copied (replaced existing)`; sync also `Deleted`.
 * move within a remote: `Moved (server-side)`, after `Deleted` if it replaces a file; `Deleted` alone if the
 * destination had the file. Between remotes: `Copied …`, then `Deleted`, which is the source.
 * backup: what is replaced is first `Moved (server-side)`, or `Copied (server-side copy)` and `Deleted` where the
 * remote cannot move; what is deleted the same and then `Moved into backup dir`.
 */
export class FileCounts {
  private copied = 0;
  private replaced = 0;
  /** Copied by the remote itself, which does not tell whether a file was there. */
  private serverSide = 0;
  private moved = 0;
  private deletedLines = 0;
  private backedUp = 0;
  /** A whole folder was moved by the remote, with one command. */
  wholeFolder = false;
  /** Of a planned run: how many files it would replace, for those whose lines do not tell. */
  plannedUpdates: number | null = null;
  /** Of a single file: whether it replaces one, which the names in the log cannot tell. */
  replacesOne: boolean | null = null;
  private readonly lately = new LatestNames();

  constructor(private readonly kind: 'copy' | 'move' | 'sync' | 'backup' | 'delete') {}

  readonly add = (line: LogLine): void => {
    const { message, object } = line;
    if (line.level !== 'info') return;
    if (message === 'Server side directory move succeeded') this.wholeFolder = true;
    if (object === null) return;
    if (COPIED.test(message)) this.whenCopied(object, message);
    else if (MOVED.test(message)) this.whenMoved(object);
    else if (message === 'Deleted') this.whenDeleted(object);
    else if (message === 'Moved into backup dir') this.backedUp++;
  };

  get updated(): number {
    if (this.replacesOne !== null) return this.replacesOne ? this.written : 0;
    const untold = Math.max(0, (this.plannedUpdates ?? 0) - this.replaced);
    if (this.kind === 'sync') return this.replaced + Math.min(this.serverSide, untold);
    // What was moved aside and is not deleted was replaced.
    return this.kind === 'backup'
      ? Math.min(this.copied, this.replaced + Math.max(0, this.moved - this.backedUp))
      : this.replaced;
  }

  get created(): number {
    return Math.max(0, this.written - this.updated);
  }

  get deleted(): number {
    if (this.kind === 'backup') return this.backedUp;
    return this.kind === 'move' ? 0 : this.deletedLines;
  }

  /** Files that were compared and left as they are. `checks`: as rclone counts, which includes what it deletes. */
  unchanged(checks: number): number {
    if (this.kind === 'move') return this.replacesOne === null || this.written === 0 ? this.deletedLines : 0;
    const others =
      this.kind === 'backup' ? this.moved + this.backedUp + this.deletedLines : this.deletedLines;
    return Math.max(0, checks - others - this.updated);
  }

  private get written(): number {
    return this.kind === 'backup' ? this.copied : this.copied + this.moved;
  }

  private whenCopied(object: string, message: string): void {
    this.copied++;
    if (REPLACED.test(message)) this.replaced++;
    if (message.startsWith(SERVER_SIDE)) this.serverSide++;
    if (this.kind === 'move' || this.kind === 'backup') this.lately.add(object);
  }

  private whenMoved(object: string): void {
    this.moved++;
    if (this.kind !== 'move' || !this.lately.take(object)) return;
    this.deletedLines--;
    this.replaced++;
  }

  private whenDeleted(object: string): void {
    if (this.kind === 'move') {
      // Of a copied file it is the source; else perhaps what the next line replaces.
      if (this.lately.take(object)) return;
      this.lately.add(object);
    } else if (this.kind === 'backup' && this.lately.take(object)) {
      this.copied--;
      this.moved++;
      return;
    }
    this.deletedLines++;
  }
}

import type { LogLine } from '../rc-log.js';
import { MAX_PLANNED, type TransferPlan } from '../transfer-engine.js';

type Entry = TransferPlan['entries'][number];
interface Planned {
  path: string;
  size: number | null;
}

/** Files counted, and the first of them by path: memory stays the same however many there are. */
class Tally {
  files = 0;
  bytes = 0;
  private kept: Planned[] = [];

  constructor(private readonly most: number) {}

  add(planned: Planned): void {
    this.files++;
    this.bytes += planned.size ?? 0;
    this.kept.push(planned);
    if (this.kept.length >= 2 * this.most) this.kept = this.first();
  }

  first(): Planned[] {
    return this.kept.toSorted(byPath).slice(0, this.most);
  }
}

/**
 * Reads a plan out of the log of a dry run: rclone tells there, and only there, what it would do.
 *
 * What it would copy it tells without saying whether the file exists. Where that matters a second run that leaves
 * out existing files (`onlyNew`) tells the new ones apart, instead of a list of all names in memory.
 */
export class PlanReader {
  /** Files that would be copied or moved in the run that tells all. */
  private readonly written: Tally;
  private readonly fresh: Tally;
  private readonly gone: Tally;
  /** Files that would be moved aside before they are replaced: a backup. */
  aside = 0;
  /** Files whose source alone would be deleted, because the destination has them already: a move. */
  finished = 0;
  onlyNew = false;

  constructor(
    private readonly kind: 'copy' | 'move' | 'sync' | 'backup' | 'delete',
    private readonly most = MAX_PLANNED,
  ) {
    this.written = new Tally(most);
    this.fresh = new Tally(most);
    this.gone = new Tally(most);
  }

  get writes(): number {
    return this.written.files;
  }

  get deletes(): number {
    return this.gone.files;
  }

  /** Lines of the log, in any order. */
  readonly add = (line: LogLine): void => {
    const { skipped, object: path, size } = line;
    if (skipped === null || path === null) return;
    const planned = { path, size };
    if (this.onlyNew) {
      if (skipped === 'copy') this.fresh.add(planned);
      return;
    }
    if (skipped === 'copy' || (skipped === 'move' && this.kind === 'move')) this.written.add(planned);
    else if (skipped === 'move') this.aside++;
    else if (skipped === 'delete' && this.kind === 'move') this.finished++;
    else if (skipped === 'delete' || skipped === 'move into backup dir') this.gone.add(planned);
  };

  /** `allNew`: there is nothing at the destination that could be updated. */
  plan({ allNew }: { allNew: boolean }): TransferPlan {
    const fresh = allNew ? this.written : this.fresh;
    // The two runs saw two moments; a file that came or went in between must not make a number negative.
    const created = Math.min(fresh.files, this.written.files);
    const createdBytes = Math.min(fresh.bytes, this.written.bytes);
    const isNew = new Set(fresh.first().map(({ path }) => path));
    const action = (path: string): Entry['action'] => (isNew.has(path) ? 'create' : 'update');
    const entries: Entry[] = [
      ...this.written.first().map(({ path, size }) => ({ action: action(path), path, size })),
      ...this.gone.first().map(({ path, size }) => ({ action: 'delete' as const, path, size })),
    ];
    const total = this.written.files + this.gone.files;
    return {
      create: { files: created, bytes: createdBytes },
      update: { files: this.written.files - created, bytes: this.written.bytes - createdBytes },
      delete: { files: this.gone.files, bytes: this.gone.bytes },
      entries: entries.toSorted(byPath).slice(0, this.most),
      truncated: total > this.most,
    };
  }
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

import { ROOT, baseName, displayPath } from '../../remote-path.js';
import { count, isRecord } from '../progress.js';
import { RcError } from '../rc-client.js';
import type { LogLine } from '../rc-log.js';
import { entryAt } from '../rc-files.js';
import { DELETE_ONLY, type RcConfig, type RcFilter, meansAll, rcConfig } from '../rc-options.js';
import { type DeleteProtection, TransferError, type TransferOperation } from '../transfer-engine.js';
import type { Attempt } from './attempt.js';
import {
  ObstacleFinder,
  explainObstacles,
  folderInTheWay,
  obstaclesInWords,
  onlyObstacles,
} from './in-the-way.js';
import type { Ends, RcPlace } from './places.js';
import { PlanReader } from './plan-reader.js';
import { mostDeletions, refuseMassDelete } from './protection.js';
import { SideComparison, commonHash, featuresOf } from './verification.js';

type Operation = Exclude<TransferOperation, { kind: 'delete' }>;
type Config = Pick<RcConfig, 'BackupDir' | 'MaxDelete' | 'IgnoreExisting' | 'DeleteMode'>;

/** Parts of the whole, in percent, of a transfer that is compared afterwards. */
const COPY_THEN_COMPARE = { copy: { from: 0, to: 70 }, compare: { from: 70, to: 100 } };
const COPY_COMPARE_DELETE = {
  copy: { from: 0, to: 60 },
  compare: { from: 60, to: 90 },
  delete: { from: 90, to: 100 },
};

/** Everything that writes files from one place to another: copy, move, sync and backup. */
export class Copying {
  private readonly mirrors: boolean;
  private readonly folder: boolean;
  private readonly obstacles = new ObstacleFinder();

  constructor(
    private readonly attempt: Attempt,
    private readonly operation: Operation,
    private readonly ends: Ends,
    private readonly how: {
      /** Where a backup moves what it replaces and deletes, as an `fs`. */
      backupDir: string | null;
      filter: RcFilter;
      sameRemote: boolean;
      /** See the function of this name. */
      losesFolders: boolean;
    },
  ) {
    this.mirrors = operation.kind === 'sync' || (operation.kind === 'backup' && operation.mirror);
    this.folder = ends.is === 'folder';
  }

  async run(): Promise<void> {
    const { operation, attempt } = this;
    if (operation.options.dryRun === true) return this.plan({ isAll: true });
    if (!this.folder && this.ends.destination.is === 'folder')
      throw new TransferError('exists', obstaclesInWords([folderInTheWay(baseName(this.ends.source.path))]));
    if (operation.kind === 'move') {
      await this.refuseFolders();
      return this.move().catch((error: unknown) => this.withObstacles(error));
    }
    const mirror = this.mirrors && this.folder;
    if (mirror) {
      await this.plan({ isAll: false });
      await this.protect(this.protection());
    }
    const verifies = operation.options.verify === true;
    const { plan } = attempt;
    attempt.counts.plannedUpdates = plan?.update.files ?? null;
    const config: Config =
      mirror && plan !== null
        ? {
            MaxDelete: mostDeletions(operation.kind === 'backup' ? 'backup' : 'sync', {
              deletes: plan.delete.files,
              updates: plan.update.files,
            }),
          }
        : {};
    if (mirror) await this.makeWay(config);
    await this.refuseFolders();
    const copying = attempt.change(this.method(), this.parameters(config), {
      ...(verifies && { share: COPY_THEN_COMPARE.copy }),
      deletes: plan?.delete.files ?? 0,
      allNew: this.folder && this.ends.destination.is === null,
    });
    await copying.catch((error: unknown) => this.withObstacles(error));
    if (verifies) await this.verify(COPY_THEN_COMPARE.compare);
  }

  /**
   * Deletes, or moves to the versions, what only the destination has and where the source has something of another
   * kind: it would be deleted at the end, and until then nothing can be written there.
   */
  private async makeWay(config: Config): Promise<void> {
    const { attempt, how, operation } = this;
    const parameters = this.parameters({ ...config, DeleteMode: DELETE_ONLY });
    for (const some of this.obstacles.obstacles()) {
      const filter = onlyObstacles(how.filter, operation.options, some);
      if (filter === null) continue;
      await attempt.change(
        'sync/sync',
        { ...parameters, _filter: filter, createEmptySrcDirs: false },
        { share: { from: 0, to: 1 }, counted: null },
      );
    }
  }

  /** Where trying it would cost a folder. All folders are looked at, because those that are hidden or excluded stay. */
  private async refuseFolders(): Promise<void> {
    const { attempt, ends, how } = this;
    const { fs, path, is } = ends.destination;
    if (!how.losesFolders || !this.folder || is === null) return;
    const opt = { recurse: true, dirsOnly: true, noModTime: true, noMimeType: true };
    const { list } = await attempt.look('operations/list', { fs: fs + path, remote: '', opt });
    const folders = new Set(
      (Array.isArray(list) ? list : []).map((entry) => (isRecord(entry) ? entry['Path'] : null)),
    );
    if (folders.size === 0) return;
    const found: string[] = [];
    await attempt.rehearse('sync/copy', this.parameters({ IgnoreExisting: true }, true), {
      attention: 'errors',
      reader: ({ skipped, object }) => {
        if (skipped === 'copy' && folders.has(object) && object !== null) found.push(folderInTheWay(object));
      },
    });
    if (found.length > 0)
      throw new TransferError('exists', obstaclesInWords(found), { result: attempt.result() });
  }

  /** rclone's texts for a file in the place of a folder are riddles, and different on every remote. */
  private async withObstacles(cause: unknown): Promise<never> {
    const { attempt, ends } = this;
    if (!this.folder || !(cause instanceof RcError)) throw cause;
    const { fs, path } = ends.destination;
    attempt.obstacles = await explainObstacles(attempt.log.failures, path, async (place) => {
      const entry = await entryAt(attempt.process, fs, place);
      return entry && entry.isDir;
    }).catch(() => []);
    throw cause;
  }

  /**
   * Between remotes a verified move copies, compares, and deletes at the source what is then known to have arrived;
   * afterwards there would be nothing left to compare with.
   */
  private async move(): Promise<void> {
    const { attempt, how, operation } = this;
    const verifies = operation.options.verify === true && !how.sameRemote;
    if (operation.options.verify === true && how.sameRemote) {
      attempt.say('Nothing to compare: within one remote files are renamed, not copied.');
    }
    if (!verifies) {
      await this.moveAll();
    } else {
      await attempt.change(this.copyMethod(), this.parameters({}), { share: COPY_COMPARE_DELETE.copy });
      await this.verify(COPY_COMPARE_DELETE.compare);
      await attempt.change(this.method(), this.parameters({}), {
        share: COPY_COMPARE_DELETE.delete,
        counted: attempt.verification?.compared ?? null,
      });
    }
    const { source } = this.ends;
    if (!this.folder || source.path === ROOT || !meansAll(operation.options)) return;
    // What stays in it was left out with a warning, or came meanwhile.
    await attempt.jobs
      .call('operations/rmdir', { fs: source.fs, remote: source.path })
      .catch(() => undefined);
  }

  private async moveAll(): Promise<void> {
    const { attempt, how, operation } = this;
    const whole = this.folder && how.sameRemote && meansAll(operation.options);
    if (!whole) return attempt.change(this.method(), this.parameters({}));
    // Without a filter rclone may move the folder with one command, which counts no files.
    const { source } = this.ends;
    const size = await attempt.look('operations/size', { fs: source.fs + source.path });
    const { _filter: _unfiltered, ...parameters } = this.parameters({});
    await attempt.change(this.method(), parameters);
    if (attempt.counts.wholeFolder) attempt.uncounted.created = count(size['count']);
  }

  /** `isAll`: it is what was asked for, and not only asked before something is done. */
  private async plan({ isAll }: { isAll: boolean }): Promise<void> {
    const { attempt, operation, ends } = this;
    const name = this.folder ? null : baseName(ends.source.path);
    const reader = new PlanReader(operation.kind);
    const add = (line: Parameters<typeof reader.add>[0]): void =>
      reader.add(name === null || line.object === null ? line : { ...line, object: name });
    const { obstacles } = this;
    const attention = isAll ? 'all' : 'errors';
    const stats = await attempt.rehearse(this.method(), this.parameters({}, true), {
      attention,
      reader: (line) => {
        add(line);
        obstacles.add(line);
      },
    });
    let allNew = ends.destination.is === null;
    if (!this.folder) {
      if (ends.destination.is === 'file') reader.onlyNew = true;
    } else if (!allNew && reader.writes > 0) {
      reader.onlyNew = true;
      const parameters = this.parameters({ IgnoreExisting: true }, true);
      const again = (line: LogLine): void => {
        add(line);
        if (line.skipped === 'copy' && line.object !== null) obstacles.write(line.object);
      };
      await attempt.rehearse('sync/copy', parameters, { attention: 'errors', reader: again });
    } else allNew = true;
    attempt.plan = reader.plan({ allNew });
    // rclone counts as checked also what it would delete or move aside.
    const changed = attempt.plan.update.files + reader.deletes + reader.aside;
    attempt.unchangedInPlan =
      operation.kind === 'move' ? reader.finished : Math.max(0, count(stats['checks']) - changed);
  }

  private async protect(protection: DeleteProtection | null): Promise<void> {
    const { attempt, ends, how } = this;
    const { plan } = attempt;
    if (protection === null || plan === null) return;
    const files = async ({ fs, path }: RcPlace): Promise<number> =>
      count((await attempt.look('operations/size', { fs: fs + path, _filter: how.filter }))['count']);
    const planned = { writes: plan.create.files + plan.update.files, deletes: plan.delete.files };
    await refuseMassDelete(protection, planned, {
      sourceFiles: () => files(ends.source),
      filesThere: () => files(ends.destination),
    });
  }

  private protection(): DeleteProtection | null {
    return 'protection' in this.operation ? this.operation.protection : null;
  }

  /** Compares both ends; what differs is an error, for what was asked is then not so. */
  private async verify(share: { from: number; to: number }): Promise<void> {
    const { attempt, ends, how } = this;
    const { source, destination } = ends;
    const [from, to] = await Promise.all(
      [source, destination].map((end) => featuresOf((...call) => attempt.jobs.call(...call), end.fs)),
    );
    const hash = from && to ? commonHash(from, to) : null;
    const total = attempt.result().files;
    const files = total.created + total.updated + total.unchanged;
    attempt.meter.step(share);
    attempt.log.listen('none');
    const onProgress = (compared: number): void =>
      attempt.task.observer.onProgress(attempt.meter.counted('verifying', compared, files));
    onProgress(0);
    const comparison = new SideComparison((method, parameters) => attempt.jobs.run(method, parameters), {
      hash,
      ignoresCase: to?.ignoresCase === true,
      bothWays: this.mirrors && this.folder,
      onProgress,
    });
    const { differences, withoutChecksum, ...verification } = this.folder
      ? await comparison.folders(source, destination, how.filter)
      : await comparison.files(source, destination);
    attempt.verification = verification;
    const { compared, by, differing } = verification;
    attempt.say(`Compared ${compared} ${compared === 1 ? 'file' : 'files'} by ${by}: ${differences} differ`);
    if (withoutChecksum > 0)
      attempt.say(`${withoutChecksum} of them have no checksum and were compared by size`);
    if (differences === 0) return;
    const message = `${differences} ${differences === 1 ? 'file differs' : 'files differ'} after the transfer. ${differing[0] ?? ''}`;
    throw new TransferError('partial', message, { retryable: true, result: attempt.result() });
  }

  private method(): string {
    if (this.operation.kind === 'move') return this.folder ? 'sync/move' : 'operations/movefile';
    if (!this.folder) return 'operations/copyfile';
    return this.mirrors ? 'sync/sync' : 'sync/copy';
  }

  private copyMethod(): string {
    return this.folder ? 'sync/copy' : 'operations/copyfile';
  }

  private parameters(config: Config, dryRun = false): Record<string, unknown> {
    const { operation, ends, how } = this;
    const { options } = operation;
    const { source, destination } = ends;
    const backup = how.backupDir === null ? {} : { BackupDir: how.backupDir };
    const settings = { ...rcConfig(options, { ...backup, ...config }), DryRun: dryRun };
    if (!this.folder) {
      const file = { _config: settings, srcFs: source.fs, srcRemote: source.path };
      if (how.backupDir === null) return { ...file, dstFs: destination.fs, dstRemote: destination.path };
      // The path below `dstFs` is the path below the versions too, where only the name belongs.
      const name = baseName(destination.path);
      const folder = destination.path.slice(0, destination.path.length - name.length);
      return { ...file, dstFs: destination.fs + folder, dstRemote: name };
    }
    return {
      _config: settings,
      _filter: how.filter,
      srcFs: source.fs + source.path,
      dstFs: destination.fs + destination.path,
      // With a list of what to copy, folders that hold nothing of it are not wanted.
      createEmptySrcDirs: (options.include ?? []).length === 0,
      ...(operation.kind === 'move' && { deleteEmptySrcDirs: true }),
    };
  }
}

/** What is done, for the first line of the log. */
export function announcement(operation: TransferOperation, is: 'file' | 'folder'): string {
  const verb = { copy: 'Copying', move: 'Moving', sync: 'Syncing', backup: 'Backing up', delete: 'Deleting' };
  const dry = operation.options.dryRun === true;
  const what = `${dry ? `Dry run: ${verb[operation.kind].toLowerCase()}` : verb[operation.kind]} ${is}`;
  return operation.kind === 'delete'
    ? `${what} ${displayPath(operation.target.path)}`
    : `${what} ${displayPath(operation.source.path)} to ${displayPath(operation.destination.path)}`;
}

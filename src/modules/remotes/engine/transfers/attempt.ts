import { setTimeout as delay } from 'node:timers/promises';
import { judge } from '../failure.js';
import { ProgressMeter, type Share, count, currentFiles } from '../progress.js';
import { RcConnectionError, RcError } from '../rc-client.js';
import type { Attention, LogLine, TransferLog } from '../rc-log.js';
import { rcBandwidth } from '../rc-options.js';
import type { RcloneProcess } from '../rclone-process.js';
import {
  type TransferControl,
  TransferError,
  type TransferObserver,
  type TransferOperation,
  type TransferPlan,
  type TransferResult,
  type Verification,
} from '../transfer-engine.js';
import { FileCounts } from './file-counts.js';
import { obstaclesInWords } from './in-the-way.js';
import { RcJobs } from './rc-jobs.js';

type Kind = TransferOperation['kind'];
type Stats = Record<string, unknown>;

/** A process that hangs must not hold up its end. */
const LAST_WORDS_MS = 500;

const VERBS: Record<Kind, 'copied' | 'moved' | 'deleted'> = {
  copy: 'copied',
  move: 'moved',
  sync: 'copied',
  backup: 'copied',
  delete: 'deleted',
};

/**
 * One attempt at a transfer in its own rclone: runs its steps, follows them, and knows at any time what was done.
 * Whatever a step throws goes through `explain`.
 */
export class Attempt {
  readonly jobs: RcJobs;
  readonly counts: FileCounts;
  readonly meter = new ProgressMeter();
  plan: TransferPlan | null = null;
  verification: Verification | null = null;
  /** Files that one command dealt with, so that the log names none of them. */
  uncounted = { created: 0, deleted: 0 };
  /** Equal files of a dry run. */
  unchangedInPlan = 0;
  /** What stood in the way of files that could not be written, in words for people. */
  obstacles: readonly string[] = [];
  /** What has to be asked of the process while it lives. */
  beforeEnd: () => Promise<void> = () => Promise.resolve();
  private readonly startedMs = performance.now();
  private stats: Stats = {};
  private before = { bytes: 0, checks: 0, written: 0 };
  /** Whether the statistics count what is written, and no line of the log does. */
  private countsByStatistics = false;
  /** rclone refused to delete more than was planned. */
  private hitBrake = false;

  constructor(
    readonly process: RcloneProcess,
    /** Must be receiving the log of `process`. */
    readonly log: TransferLog,
    readonly task: {
      operation: TransferOperation;
      observer: TransferObserver;
      rcloneVersion: string;
      /** How long rclone may take to stop by itself before it is killed. */
      stopLimitMs: number;
    },
  ) {
    this.jobs = new RcJobs(process, task.observer.signal);
    this.counts = new FileCounts(task.operation.kind);
    // Until a step begins there is only looking, and what is not there is no failure.
    log.listen('none');
  }

  /** The limit that was asked for, and the means to change it. */
  async begin(): Promise<void> {
    const { bandwidthLimit } = this.task.operation.options;
    // `_config.BwLimit` is accepted and ignored by rclone; the limit of the process is not.
    if (bandwidthLimit !== undefined) {
      await this.jobs.call('core/bwlimit', { rate: rcBandwidth(bandwidthLimit) });
    }
    this.task.observer.onStart(this.control());
  }

  say(message: string): void {
    this.task.observer.onLog('info', message);
  }

  /** Looks at files and changes nothing. What goes wrong is in what it throws. */
  async look(method: string, parameters: object): Promise<Stats> {
    this.log.listen('none');
    this.task.observer.onProgress(this.meter.counted('planning', 0, null));
    return this.jobs.run(method, parameters, { onTick: () => undefined });
  }

  /**
   * A dry run; `reader` has got every line of it when this returns, and the statistics of it are the answer.
   * `attention`: what of its lines goes into the log of the job.
   */
  async rehearse(
    method: string,
    parameters: object,
    { attention, reader }: { attention: Attention; reader: (line: LogLine) => void },
  ): Promise<Stats> {
    await this.jobs.resetStatistics();
    this.log.listen(attention, reader);
    let last: Stats = {};
    const onTick = (stats: Stats): void => {
      last = stats;
      this.stats = { ...stats, bytes: 0, transfers: 0 };
      this.passOnLog();
      this.task.observer.onProgress(this.meter.counted('planning', 0, null));
    };
    await this.jobs.run(method, parameters, { onTick });
    await this.jobs.settle(this.log);
    this.passOnLog();
    this.stats = {};
    return last;
  }

  /**
   * A step that changes something. `share`: the part of the whole it is. `deletes`: how many files it will delete
   * after the copying. `counted`: progress is told by the files deleted so far, of so many (null: nobody knows).
   * `allNew`: nothing is where it writes, so whatever it writes is new.
   */
  async change(
    method: string,
    parameters: object,
    {
      share = { from: 0, to: 100 },
      deletes = 0,
      counted,
      allNew = false,
    }: { share?: Share; deletes?: number; counted?: number | null; allNew?: boolean } = {},
  ): Promise<void> {
    await this.jobs.resetStatistics();
    // A line for every file tells new from replaced, and costs a quarter of the work of copying a small one.
    this.countsByStatistics = allNew && (await this.jobs.quieten());
    this.meter.step(share);
    // Before the first look at the statistics nobody knows how much it is, and whoever watches is told so.
    if (counted === undefined) this.task.observer.onProgress(this.meter.counted('listing', 0, null));
    this.log.listen('all', (line) => {
      if (!this.countsByStatistics) this.counts.add(line);
      if (line.message.includes('--max-delete threshold reached')) this.hitBrake = true;
    });
    let isOver = false;
    const onTick = (stats: Stats): void => {
      this.stats = stats;
      this.passOnLog();
      const now = performance.now();
      const progress =
        counted === undefined
          ? this.meter.update(stats, now, deletes)
          : this.meter.counted('deleting', count(stats['deletes']), counted);
      if (!isOver) this.task.observer.onProgress(progress);
    };
    await this.jobs.run(method, parameters, { changes: true, onTick });
    isOver = true;
    await this.jobs.settle(this.log);
    this.passOnLog();
    this.before = { bytes: this.bytes, checks: this.checks, written: this.written };
    this.stats = {};
  }

  /** The result of a success. */
  async finish(): Promise<TransferResult> {
    await this.beforeEnd();
    this.task.observer.onProgress(this.meter.succeeded());
    return this.result();
  }

  /** The `TransferError` that `cause` is, with what was done. The process is dead when this returns. */
  async explain(cause: unknown): Promise<unknown> {
    const { observer, stopLimitMs } = this.task;
    if (cause instanceof TransferError) {
      await this.end();
      return cause;
    }
    if (observer.signal.aborted) {
      this.stats = (await this.jobs.stop(stopLimitMs)) ?? this.stats;
      await this.end();
      return new TransferError('cancelled', 'It was cancelled.', this.details(cause));
    }
    if (cause instanceof RcError) {
      await this.end();
      return this.judged(cause);
    }
    if (cause instanceof RcConnectionError) {
      const exit = await this.process.hasEnded();
      const how = exit === null ? 'stopped answering' : `ended (${exit.signal ?? `exit code ${exit.code}`})`;
      await this.end();
      return new TransferError('temporary', `rclone ${how} during the transfer.`, this.details(cause));
    }
    return cause;
  }

  passOnLog(): void {
    for (const { level, message, details } of this.log.take()) {
      this.task.observer.onLog(level, message, details);
    }
  }

  result(): TransferResult {
    const { counts, log, plan, verification, uncounted } = this;
    const { kind, options } = this.task.operation;
    const durationMs = Math.round(performance.now() - this.startedMs);
    const dryRun = options.dryRun === true;
    const planned = dryRun && plan !== null ? plan : null;
    const bytes = planned === null ? this.bytes : planned.create.bytes + planned.update.bytes;
    return {
      engine: { rclone: this.task.rcloneVersion },
      dryRun,
      bytes,
      files: {
        created: planned?.create.files ?? counts.created + uncounted.created + this.written,
        updated: planned?.update.files ?? counts.updated,
        deleted: planned?.delete.files ?? Math.max(counts.deleted, uncounted.deleted),
        unchanged:
          planned === null && kind !== 'delete' ? counts.unchanged(this.checks) : this.unchangedInPlan,
        failed: log.failed,
      },
      failedFiles: log.failures,
      durationMs,
      bytesPerSecond: durationMs > 0 ? Math.round((bytes * 1000) / durationMs) : 0,
      verification,
      plan,
    };
  }

  private get bytes(): number {
    const { stats } = this;
    const serverSide = count(stats['serverSideCopyBytes']) + count(stats['serverSideMoveBytes']);
    return this.before.bytes + count(stats['bytes']) + serverSide;
  }

  private get written(): number {
    return this.before.written + (this.countsByStatistics ? count(this.stats['transfers']) : 0);
  }

  private get checks(): number {
    return this.before.checks + count(this.stats['checks']);
  }

  /** Everything rclone wrote before its end has been passed on when this returns. */
  private async end(): Promise<void> {
    const late = new AbortController();
    await Promise.race([
      this.beforeEnd(),
      delay(LAST_WORDS_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    await this.process.kill();
    this.passOnLog();
  }

  private judged(cause: RcError): TransferError {
    const { failures, failed } = this.log;
    const result = this.result();
    const { created, updated, deleted, unchanged } = result.files;
    if (this.hitBrake) {
      const message = 'More files were to be deleted than was planned: something changed meanwhile.';
      return new TransferError('temporary', message, this.details(cause));
    }
    const verdict = judge({
      error: this.log.redact(cause.message),
      fatal: this.stats['fatalError'] === true,
      failures,
      failed,
      succeeded: created + updated + deleted + Math.max(0, unchanged - failed),
      verb: VERBS[this.task.operation.kind],
    });
    const hasObstacle = this.obstacles.length > 0;
    const message = hasObstacle ? obstaclesInWords(this.obstacles) : verdict.message;
    // rclone removes what it could not finish, but not always: 1.60 leaves a beginning on a full disk.
    const possiblyPartial = failures.map(({ name }) => name);
    const details = {
      ...this.details(cause),
      possiblyPartial,
      retryable: !hasObstacle && verdict.retryable,
    };
    const kind = hasObstacle && verdict.kind !== 'partial' ? 'exists' : verdict.kind;
    return new TransferError(kind, message, details);
  }

  private details(cause: unknown): { possiblyPartial: string[]; result: TransferResult; cause: unknown } {
    const possiblyPartial = currentFiles(this.stats['transferring']).map(({ name }) => name);
    return { possiblyPartial, result: this.result(), cause };
  }

  /** Changes are applied in the order they were asked for; after the end they are nobody's concern. */
  private control(): TransferControl {
    let queue: Promise<unknown> = Promise.resolve();
    return {
      limitBandwidth: (bytesPerSecond) => {
        const rate = rcBandwidth(bytesPerSecond);
        const before = queue;
        const change = (async () => {
          await before;
          await this.setRate(rate);
        })();
        queue = change.catch(() => undefined);
        return change;
      },
    };
  }

  private async setRate(rate: string): Promise<void> {
    try {
      await this.process.call('core/bwlimit', { rate });
    } catch (error) {
      if ((await this.process.hasEnded()) === null) throw error;
    }
  }
}

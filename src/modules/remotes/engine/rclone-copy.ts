import { setTimeout as delay } from 'node:timers/promises';
import { type RemotePath, displayPath } from '../remote-path.js';
import { judge } from './failure.js';
import { ProgressMeter, count, currentFiles } from './progress.js';
import { RcConnectionError, RcError } from './rc-client.js';
import type { CopyLog } from './rc-log.js';
import { rcBandwidth, rcConfig, rcFilter } from './rc-options.js';
import type { RcloneProcess } from './rclone-process.js';
import {
  type TransferOptions,
  TransferError,
  type TransferObserver,
  type TransferResult,
} from './transfer-engine.js';

const FIRST_POLL_MS = 20;
const POLL_MS = 500;

/** `fs` is the name of a remote inside the process, with its colon. */
export interface CopyPlace {
  fs: string;
  path: RemotePath;
}

export interface CopyTask {
  source: CopyPlace & { isDir: boolean };
  /** For a file the path of the file to be. */
  destination: CopyPlace;
  options: TransferOptions;
  observer: TransferObserver;
  rcloneVersion: string;
  /** How long rclone may take to stop by itself before it is killed. */
  stopLimitMs: number;
}

/**
 * One copy in its own rclone, followed to its end. The places must have been checked, and the remotes been made in
 * the process.
 */
export class RcloneCopy {
  private readonly meter = new ProgressMeter();
  private readonly startedMs = performance.now();
  private stats: Record<string, unknown> = {};
  private jobid: number | null = null;

  constructor(
    private readonly process: RcloneProcess,
    /** Must be receiving the log of `process`. */
    private readonly log: CopyLog,
    private readonly task: CopyTask,
  ) {}

  /** Returns the result of a success; every other end is a `TransferError`. The process is dead in any case. */
  async run(): Promise<TransferResult> {
    const { observer } = this.task;
    try {
      const { source, destination, options } = this.task;
      const what = `${options.dryRun === true ? 'Dry run: copying' : 'Copying'} ${source.isDir ? 'folder' : 'file'}`;
      observer.onLog('info', `${what} ${displayPath(source.path)} to ${displayPath(destination.path)}`);
      await this.begin();
      await this.follow();
      await this.end();
      observer.onProgress(this.meter.succeeded());
      const result = this.result();
      const transferred = result.files.created;
      observer.onLog(
        'info',
        `Done: ${transferred} ${transferred === 1 ? 'file' : 'files'}, ${result.bytes} bytes`,
      );
      return result;
    } catch (error) {
      throw await this.explain(error);
    } finally {
      await this.process.kill();
    }
  }

  /** Everything rclone wrote before its end has been passed on when this returns. */
  private async end(): Promise<void> {
    await this.process.kill();
    this.passOnLog();
  }

  private async begin(): Promise<void> {
    const { source, destination, options } = this.task;
    // `_config.BwLimit` is accepted and ignored by rclone; the limit of the process is not.
    if (options.bandwidthLimit !== undefined) {
      await this.call('core/bwlimit', { rate: rcBandwidth(options.bandwidthLimit) });
    }
    const job = { _async: true, _config: rcConfig(options) };
    const { jobid } = source.isDir
      ? await this.call('sync/copy', {
          ...job,
          _filter: rcFilter(options),
          srcFs: source.fs + source.path,
          dstFs: destination.fs + destination.path,
          // With a list of what to copy, folders that hold nothing of it are not wanted.
          createEmptySrcDirs: (options.include ?? []).length === 0,
        })
      : await this.call('operations/copyfile', {
          ...job,
          srcFs: source.fs,
          srcRemote: source.path,
          dstFs: destination.fs,
          dstRemote: destination.path,
        });
    if (typeof jobid !== 'number') throw new RcConnectionError('the copy', 'it has no job number');
    this.jobid = jobid;
  }

  /** Polls until rclone reports success; throws `RcError` with rclone's text when it reports anything else. */
  private async follow(): Promise<void> {
    const { observer } = this.task;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(POLL_MS, pollMs * 2)) {
      await delay(pollMs, undefined, { signal: observer.signal });
      const status = await this.call('job/status', { jobid: this.jobid });
      // After the status, so that the numbers of a finished job are its last. Without a group: for a group 1.60
      // reports no errors.
      this.stats = await this.call('core/stats', {});
      const progress = this.meter.update(this.stats, performance.now());
      this.passOnLog();
      if (status['finished'] !== true) observer.onProgress(progress);
      else if (status['success'] === true) return;
      else throw new RcError('the copy', 500, String(status['error']));
    }
  }

  private async explain(cause: unknown): Promise<unknown> {
    if (cause instanceof TransferError) return cause;
    if (this.task.observer.signal.aborted) {
      await this.stop();
      await this.end();
      return new TransferError('cancelled', 'The copy was cancelled.', this.details(cause));
    }
    if (cause instanceof RcError) {
      await this.end();
      const { failures, failed } = this.log;
      const verdict = judge({
        error: this.log.redact(cause.message),
        fatal: this.stats['fatalError'] === true,
        failures,
        failed,
        succeeded: count(this.stats['transfers']) + Math.max(0, count(this.stats['checks']) - failed),
      });
      // rclone removes what it could not finish, but not always: 1.60 leaves a beginning on a full disk.
      const possiblyPartial = failures.map(({ name }) => name);
      const details = { ...this.details(cause), possiblyPartial, retryable: verdict.retryable };
      return new TransferError(verdict.kind, verdict.message, details);
    }
    if (cause instanceof RcConnectionError) {
      const exit = await this.process.hasEnded();
      const how = exit === null ? 'stopped answering' : `ended (${exit.signal ?? `exit code ${exit.code}`})`;
      await this.end();
      return new TransferError('temporary', `rclone ${how} during the copy.`, this.details(cause));
    }
    return cause;
  }

  /**
   * Asks rclone to stop, so that it removes what it was writing, and waits for that within the limit. Never throws:
   * whatever does not answer is killed next.
   */
  private async stop(): Promise<void> {
    const deadline = performance.now() + this.task.stopLimitMs;
    const ask = (method: string, parameters: object): Promise<Record<string, unknown>> =>
      this.process.call(method, parameters, { timeoutMs: Math.max(1, deadline - performance.now()) });
    const { jobid } = this;
    if (jobid === null) return;
    try {
      // The files under way are known only before the stop.
      this.stats = await ask('core/stats', {});
      await ask('job/stop', { jobid });
      while (performance.now() < deadline) {
        if ((await ask('job/status', { jobid }))['finished'] === true) return;
        await delay(FIRST_POLL_MS);
      }
    } catch {
      // Out of time, or gone already.
    }
  }

  private call(method: string, parameters: object): Promise<Record<string, unknown>> {
    return this.process.call(method, parameters, { signal: this.task.observer.signal });
  }

  private passOnLog(): void {
    for (const { level, message, details } of this.log.take()) {
      this.task.observer.onLog(level, message, details);
    }
  }

  private details(cause: unknown): { possiblyPartial: string[]; result: TransferResult; cause: unknown } {
    const possiblyPartial = currentFiles(this.stats['transferring']).map(({ name }) => name);
    return { possiblyPartial, result: this.result(), cause };
  }

  private result(): TransferResult {
    const { stats, log } = this;
    const durationMs = Math.round(performance.now() - this.startedMs);
    const bytes = count(stats['bytes']) + count(stats['serverSideCopyBytes']);
    return {
      engine: { rclone: this.task.rcloneVersion },
      dryRun: this.task.options.dryRun === true,
      bytes,
      files: {
        created: count(stats['transfers']),
        updated: 0,
        deleted: 0,
        unchanged: count(stats['checks']),
        failed: log.failed,
      },
      failedFiles: log.failures,
      durationMs,
      bytesPerSecond: durationMs > 0 ? Math.round((bytes * 1000) / durationMs) : 0,
      verification: null,
      plan: null,
    };
  }
}

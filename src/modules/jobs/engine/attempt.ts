import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import type { JobContext, JobLogLevel } from '../definition/define-job.js';
import type { JobType } from '../definition/job-registry.js';
import type { AttemptJournal } from './attempt-journal.js';
import type { ClaimedJob, Outcome } from './job-moves.repository.js';
import { outcomeOfError, storableJson, storableUpTo, type StopReason } from './outcome.js';

/** A handler that was told to stop gets this long before its attempt is settled without it. */
const STOP_GRACE_MS = 30_000;
/** The same in a shutdown: the process ends about 15 s later, and a job not handed back by then counts as a crash. */
const SHUTDOWN_GRACE_MS = 5_000;
/** At most one progress write in this time, except for the first and for whole leaps. */
const PROGRESS_PAUSE_MS = 500;
/** Log lines one attempt may write; then one last line says that the rest was left out. */
const MAX_LOG_LINES = 1_000;
const MAX_MESSAGE_LENGTH = 8_000;
/** Largest result that is stored, in characters of JSON. */
const MAX_RESULT_LENGTH = 65_536;
/** Largest details of one log line or of progress, in characters of JSON. */
const MAX_DETAILS_LENGTH = 8_000;

/**
 * One try of one claimed job: runs the handler with its context and turns whatever happens into an outcome.
 * Never throws. It writes only progress and logs, both fenced; settling is the worker's.
 */
export class Attempt {
  private readonly controller = new AbortController();
  private stopReason: StopReason | null = null;
  private percent = 0;
  private written = { percent: -1, at: -Infinity };
  private lines = 0;
  private readonly pending = new Set<Promise<void>>();
  /** Everything was said: a handler that was given up on may still be running. */
  private ended = false;
  private deadline: NodeJS.Timeout | undefined;
  private giveUp: (reason: Error) => void = () => undefined;
  /** Rejects when the handler did not react in time. */
  private readonly stuck = new Promise<never>((_, reject) => {
    this.giveUp = reject;
  });

  constructor(
    readonly job: ClaimedJob,
    private readonly type: JobType,
    private readonly journal: Pick<AttemptJournal, 'show' | 'progress' | 'log'>,
  ) {}

  /** Asks the handler to stop; the first reason counts, but a shutdown always shortens the wait. */
  stop(reason: StopReason): void {
    if (this.ended) return;
    if (reason === 'shutdown') this.giveUpIn(SHUTDOWN_GRACE_MS);
    else if (this.stopReason === null) this.giveUpIn(STOP_GRACE_MS);
    if (this.stopReason !== null) return;
    this.stopReason = reason;
    this.controller.abort(new Error(`stopped: ${reason}`));
  }

  async run(read: Read, actor: Actor, payload: unknown): Promise<Outcome | 'lost'> {
    const { definition } = this.type;
    const timeout = setTimeout(() => this.stop('timeout'), this.job.timeoutSeconds * 1000);
    try {
      this.journal.show({ jobId: this.job.id, userId: this.job.userId, percent: 0, detail: null });
      const result = await Promise.race([this.perform(read, actor, payload), this.stuck]);
      // Work that was finished counts as finished, even if somebody asked for a stop meanwhile, unless it is not ours.
      return this.stopReason === 'lost' ? 'lost' : { kind: 'completed', result: storableResult(result) };
    } catch (error) {
      const job = { ...this.job, backoff: definition.backoff };
      const outcome = outcomeOfError(error, this.stopReason, job, Math.random());
      if (outcome !== 'lost' && outcome.kind === 'release') this.logPostponed(outcome.reason);
      return outcome;
    } finally {
      this.ended = true;
      clearTimeout(timeout);
      clearTimeout(this.deadline);
      await Promise.allSettled(this.pending);
    }
  }

  private async perform(read: Read, actor: Actor, payload: unknown): Promise<object | null> {
    await this.type.handler.authorize(read, actor, payload);
    // A handler that begins to listen now would not hear of a stop that came before.
    this.controller.signal.throwIfAborted();
    return this.type.handler.run(this.context(actor), payload);
  }

  private context(actor: Actor): JobContext {
    const { id: jobId, leaseEpoch, retryCount } = this.job;
    return {
      jobId,
      actor,
      retryCount,
      signal: this.controller.signal,
      fence: { jobId, leaseEpoch },
      progress: (percent, detail) => this.progress(percent, detail ?? null),
      log: (level, message, details) => this.log(level, message, details ?? null),
    };
  }

  private progress(percent: number, detail: object | null): void {
    if (this.ended) return;
    if (Number.isFinite(percent)) this.percent = Math.max(this.percent, Math.min(99, Math.floor(percent)));
    const now = performance.now();
    if (now - this.written.at < PROGRESS_PAUSE_MS && this.percent - this.written.percent < 10) return;
    this.written = { percent: this.percent, at: now };
    const { id: jobId, userId, leaseEpoch } = this.job;
    this.keep(
      this.journal.progress({
        jobId,
        userId,
        leaseEpoch,
        percent: this.percent,
        detail: detail && storableJson(detail, MAX_DETAILS_LENGTH),
      }),
    );
  }

  private log(level: JobLogLevel, message: string, details: object | null): void {
    if (this.ended || this.lines > MAX_LOG_LINES) return;
    const { id: jobId, leaseEpoch } = this.job;
    const entry = { jobId, leaseEpoch };
    this.keep(
      this.lines++ === MAX_LOG_LINES
        ? this.journal.log({
            ...entry,
            level: 'warning',
            message: `Further lines of this attempt are left out (more than ${MAX_LOG_LINES}).`,
            details: null,
          })
        : this.journal.log({
            ...entry,
            level,
            message: storableUpTo(MAX_MESSAGE_LENGTH, message),
            details: details && storableJson(details, MAX_DETAILS_LENGTH),
          }),
    );
  }

  /** Once per reason: a job may be postponed many times, and its error says it all the while. */
  private logPostponed(reason: string | null): void {
    if (reason !== null && reason !== this.job.lastError) this.log('warning', `Postponed: ${reason}`, null);
  }

  private keep(write: Promise<void>): void {
    const kept: Promise<void> = write.catch(() => undefined).finally(() => this.pending.delete(kept));
    this.pending.add(kept);
  }

  /** So that a handler that does not react to the signal cannot hold its job for ever. */
  private giveUpIn(milliseconds: number): void {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(
      () => this.giveUp(new Error(`The handler did not stop within ${milliseconds / 1000} s.`)),
      milliseconds,
    );
  }
}

/** A handler that is not held to its types may also resolve to nothing. */
function storableResult(result: object | null | undefined): object | null {
  return result ? storableJson(result, MAX_RESULT_LENGTH) : null;
}

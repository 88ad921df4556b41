import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { JobHandler, type JobContext, type JobFence, type JobLogLevel } from '../definition/define-job.js';
import type { JobType } from '../definition/job-registry.js';
import type { AttemptJournal } from './attempt-journal.js';
import type { AttemptWatch, Watched } from './attempt-watch.js';
import type { ClaimedJob, Outcome } from './job-moves.repository.js';
import { outcomeOfError, storable, storableJson, type StopReason } from './outcome.js';

/** A handler that was told to stop gets this long before its attempt is settled without it. */
const STOP_GRACE_MS = 30_000;
/** The same in a shutdown: the process ends about 15 s later, and a job not handed back by then counts as a crash. */
const SHUTDOWN_GRACE_MS = 5_000;
/** At most one progress write in this time, except for the first and for whole leaps. */
const PROGRESS_PAUSE_MS = 500;
const MAX_MESSAGE_LENGTH = 8_000;
/** Largest details of one log line or of progress, in characters of JSON. */
const MAX_DETAILS_LENGTH = 8_000;

/** An attempt is shown as running once it has lasted this long: what ends sooner is shown by its end. */
const SHOWN_AFTER_MS = 50;

/**
 * One try of one claimed job: runs the handler with its context and turns whatever happens into an outcome.
 * Never throws. It writes only progress and logs, both fenced; settling is the worker's.
 *
 * There are tens of thousands of these in a second, so what most attempts never use is made when it is asked for.
 */
export class Attempt implements Watched {
  private controller: AbortController | null = null;
  private stopReason: StopReason | null = null;
  private percent = 0;
  private written = { percent: -1, at: -Infinity };
  private lines = 0;
  private pending: Set<Promise<void>> | null = null;
  /** The handler itself is under way, not only what is asked before. */
  private begun = false;
  /** Everything was said: a handler that was given up on may still be running. */
  private ended = false;
  private shown = false;
  private readonly began = performance.now();
  private deadline: NodeJS.Timeout | undefined;
  /** Ends the attempt without its handler. */
  private giveUp: (reason: Error) => void = () => undefined;

  constructor(
    readonly job: ClaimedJob,
    private readonly type: JobType,
    private readonly journal: Pick<AttemptJournal, 'show' | 'progress' | 'log'>,
    private readonly watch: AttemptWatch,
  ) {}

  /** Fires when the handler has to stop. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.stopReason !== null) this.controller.abort(reasonOf(this.stopReason));
    }
    return this.controller.signal;
  }

  /** Asks the handler to stop; the first reason counts, but a shutdown always shortens the wait. */
  stop(reason: StopReason): void {
    if (this.ended) return;
    if (reason === 'shutdown') this.giveUpIn(SHUTDOWN_GRACE_MS);
    else if (this.stopReason === null) this.giveUpIn(STOP_GRACE_MS);
    if (this.stopReason !== null) return;
    this.stopReason = reason;
    this.controller?.abort(reasonOf(reason));
  }

  look(now: number): void {
    const lasted = now - this.began;
    if (!this.shown && lasted >= SHOWN_AFTER_MS) this.show();
    if (lasted >= this.job.timeoutSeconds * 1000) this.stop('timeout');
  }

  /** `read` is asked for only by handlers that authorize. */
  async run(read: () => Read, actor: Actor, payload: unknown): Promise<Outcome | 'lost'> {
    this.watch.add(this);
    try {
      const result = await new Promise<object | null>((resolve, reject) => {
        this.giveUp = reject;
        this.perform(read, actor, payload).then(resolve, reject);
      });
      // Work that was finished counts as finished, even if somebody asked for a stop meanwhile, unless it is not ours.
      return this.stopReason === 'lost' ? 'lost' : this.completed(result);
    } catch (error) {
      const { backoff, onCrash } = this.type.definition;
      const job = { ...this.job, backoff, onCrash, begun: this.begun };
      const warn = (problem: string): void => this.log('warning', problem, null);
      const outcome = outcomeOfError(error, this.stopReason, job, Math.random(), warn);
      if (outcome !== 'lost' && outcome.kind === 'release') this.logPostponed(outcome.reason);
      return outcome;
    } finally {
      this.ended = true;
      this.watch.remove(this);
      clearTimeout(this.deadline);
      if (this.pending) await Promise.allSettled(this.pending);
    }
  }

  private completed(result: object | null | undefined): Outcome {
    const { notifies, sizes } = this.type.definition;
    return {
      kind: 'completed',
      result: storableResult(result, sizes.result),
      quiet: notifies === 'failures',
    };
  }

  private async perform(read: () => Read, actor: Actor, payload: unknown): Promise<object | null> {
    const { handler } = this.type;
    if (handler.authorize !== JobHandler.prototype.authorize) await handler.authorize(read(), actor, payload);
    // A handler that begins to listen now would not hear of a stop that came before.
    if (this.stopReason !== null) throw reasonOf(this.stopReason);
    this.begun = true;
    return handler.run(new AttemptContext(this, actor), payload);
  }

  private show(): void {
    this.shown = true;
    this.journal.show({ jobId: this.job.id, userId: this.job.userId, percent: this.percent, detail: null });
  }

  progress(percent: number, detail: object | null): void {
    if (this.ended) return;
    if (Number.isFinite(percent)) this.percent = Math.max(this.percent, Math.min(99, Math.floor(percent)));
    const now = performance.now();
    if (now - this.written.at < PROGRESS_PAUSE_MS && this.percent - this.written.percent < 10) return;
    this.written = { percent: this.percent, at: now };
    this.shown = true;
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

  log(level: JobLogLevel, message: string, details: object | null): void {
    // After as many as the type may write, one last line says that the rest was left out.
    const most = this.type.definition.sizes.logLines;
    if (this.ended || this.lines > most) return;
    const { id: jobId, leaseEpoch } = this.job;
    const entry = { jobId, leaseEpoch };
    this.keep(
      this.lines++ === most
        ? this.journal.log({
            ...entry,
            level: 'warning',
            message: `Further lines of this attempt are left out (more than ${most}).`,
            details: null,
          })
        : this.journal.log({
            ...entry,
            level,
            message: storable(message).slice(0, MAX_MESSAGE_LENGTH),
            details: details && storableJson(details, MAX_DETAILS_LENGTH),
          }),
    );
  }

  /** Once per reason: a job may be postponed many times, and its error says it all the while. */
  private logPostponed(reason: string | null): void {
    if (reason !== null && reason !== this.job.lastError) this.log('warning', `Postponed: ${reason}`, null);
  }

  private keep(write: Promise<void>): void {
    const pending = (this.pending ??= new Set());
    const kept: Promise<void> = write.catch(() => undefined).finally(() => pending.delete(kept));
    pending.add(kept);
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

/** What a handler is given. Its members may be taken out of it, so those that are functions are bound. */
class AttemptContext implements JobContext {
  constructor(
    private readonly attempt: Attempt,
    readonly actor: Actor,
  ) {}

  get jobId(): string {
    return this.attempt.job.id;
  }
  get retryCount(): number {
    return this.attempt.job.retryCount;
  }
  get signal(): AbortSignal {
    return this.attempt.signal;
  }
  get fence(): JobFence {
    const { id: jobId, leaseEpoch } = this.attempt.job;
    return { jobId, leaseEpoch };
  }
  get progress(): JobContext['progress'] {
    return (percent, detail) => this.attempt.progress(percent, detail ?? null);
  }
  get log(): JobContext['log'] {
    return (level, message, details) => this.attempt.log(level, message, details ?? null);
  }
}

const reasonOf = (reason: StopReason): Error => new Error(`stopped: ${reason}`);

/** A handler that is not held to its types may also resolve to nothing. */
function storableResult(result: object | null | undefined, maxLength: number): object | null {
  return result ? storableJson(result, maxLength) : null;
}

import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { hostname } from 'node:os';
import type { Actor } from '../../../kernel/auth/index.js';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, newId } from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { QUEUE_NAMES, QueueHosts, type Hint, type QueueName } from '../../../kernel/queue/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { UsersService } from '../../users/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { Attempt } from './attempt.js';
import { AttemptJournal } from './attempt-journal.js';
import { Dispatcher } from './dispatcher.js';
import type { ClaimedJob, Outcome } from './job-moves.repository.js';
import { Settler } from './settler.js';
import { WorkersRepository } from './workers.repository.js';

/** Hub topic: somebody asked to cancel a running job. */
export const JOB_CANCEL_TOPIC = 'job-cancel';
/** Pauses between tries to write an outcome while the database is away. */
const SETTLE_PAUSES_MS = [100, 500, 1_000, 2_000, 5_000] as const;

/**
 * This process as a worker: claims the jobs of each hint, runs their handlers side by side, settles each for
 * itself. Beats every 5 s; a worker silent for 12 s loses its jobs to the reconciler, and one that wakes up late
 * finds every write of it refused by the epoch.
 *
 * Guarantees at least one run per job; a crash may repeat one, three crashes make it `failed` (poison).
 */
@Injectable()
export class JobWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly beats: SingleFlight;
  private readonly running = new Map<string, Attempt>();
  private readonly id = newId();
  private started = false;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly registry: JobRegistry,
    private readonly settler: Settler,
    private readonly journal: AttemptJournal,
    private readonly workers: WorkersRepository,
    private readonly dispatcher: Dispatcher,
    private readonly users: UsersService,
    private readonly hub: Hub,
    private readonly hosts: QueueHosts,
    log: Log,
  ) {
    this.log = log.area('worker');
    this.beats = new SingleFlight(
      () => this.beat(),
      (error) => this.log.warn({ err: error }, 'the beat could not be written'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!serves(this.settings, 'worker')) return;
    await this.register();
    this.started = true;
    this.unsubscribe = this.hub.subscribe(JOB_CANCEL_TOPIC, (message) => {
      const { jobId } = message as { jobId?: string };
      if (jobId !== undefined) this.running.get(jobId)?.stop('cancel');
    });
    this.hosts.begin((queue, hint) => this.handle(queue, hint));
  }

  /** Takes no more hints, gives running jobs the shutdown time, hands back the rest. */
  async beforeApplicationShutdown(): Promise<void> {
    if (!this.started) return;
    const finished = this.hosts.finish();
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.settings.shutdownSeconds * 1000);
    });
    await Promise.race([finished, grace]);
    clearTimeout(timer);
    for (const attempt of this.running.values()) attempt.stop('shutdown');
    await finished;
    this.started = false;
    this.unsubscribe();
    await this.beats.stop();
    await this.workers.remove(this.database.read, this.id);
  }

  @Interval(5_000)
  tick(): void {
    if (this.started) this.beats.trigger();
  }

  private async handle(queue: QueueName, hint: Hint): Promise<void> {
    this.dispatcher.roomMade(queue);
    await Promise.all(hint.jobs.map((claim) => this.work(claim)));
  }

  private async work(claim: readonly [jobId: string, dispatchNo: number]): Promise<void> {
    const job = await this.settler.claim(this.id, claim);
    if (!job) return; // an older dispatch, a second delivery, or cancelled meanwhile
    const context = { requestId: job.requestId ?? job.id, ipAddress: null, userAgent: null };
    await requestContext.run(context, () => this.runClaimed(job));
  }

  private async runClaimed(job: ClaimedJob): Promise<void> {
    const began = performance.now();
    const outcome = await this.outcomeOf(job);
    if (outcome === 'lost') {
      this.log.warn({ jobId: job.id }, 'lost the lease, nothing written');
      return;
    }
    const written = await this.settle(job, outcome);
    const details = {
      jobId: job.id,
      type: job.type,
      outcome: outcome.kind,
      ms: Math.round(performance.now() - began),
      written,
    };
    if (outcome.kind === 'failed' || outcome.kind === 'retry')
      this.log.warn({ ...details, reason: outcome.error }, 'attempt ended');
    else this.log.debug(details, 'attempt ended');
    // Due at once; the end of a pause is noticed by the dispatcher's own tick.
    if (outcome.kind === 'release' && outcome.delaySeconds === 0) this.dispatcher.wake();
  }

  private async outcomeOf(job: ClaimedJob): Promise<Outcome | 'lost'> {
    let type, payload, actor;
    try {
      ({ type, payload } = this.registry.parse(job.type, job.payload));
      actor = await this.ownerOf(job);
    } catch (error) {
      // A type this build does not know or a payload it refuses fails visibly: a repetition would not help.
      if (error instanceof UserError) return { kind: 'failed', error: error.message, errorCode: error.code };
      return { kind: 'release', delaySeconds: 0, reason: null };
    }
    const attempt = new Attempt(job, type, this.journal);
    // Ours once before: it was taken away and came back while the older attempt has not noticed yet.
    this.running.get(job.id)?.stop('lost');
    this.running.set(job.id, attempt);
    try {
      return await attempt.run(this.database.read, actor, payload);
    } finally {
      if (this.running.get(job.id) === attempt) this.running.delete(job.id);
    }
  }

  /** The owner with the rights of now: a right withdrawn while the job waited is a right it does not have. */
  private async ownerOf(job: ClaimedJob): Promise<Actor> {
    const rights = await this.users.rightsOf(this.database.read, job.userId);
    if (!rights?.isActive)
      throw UserError.forbidden('The owner of this job is not active any more.', 'owner_inactive');
    return { type: 'job', userId: job.userId, role: rights.role, jobId: job.id };
  }

  /** Tries for a while when the database is away; after that the reconciler will find the job without a worker. */
  private async settle(job: ClaimedJob, outcome: Outcome): Promise<boolean> {
    for (const pause of SETTLE_PAUSES_MS) {
      try {
        return await this.settler.settle({ jobId: job.id, leaseEpoch: job.leaseEpoch, outcome });
      } catch (error) {
        this.log.warn({ err: error, jobId: job.id }, 'the outcome could not be written, it is tried again');
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return this.settler.settle({ jobId: job.id, leaseEpoch: job.leaseEpoch, outcome });
  }

  private async beat(): Promise<void> {
    const asked = [...this.running];
    const { known, held } = await this.workers.beat(this.database.read, this.id, [...this.running.keys()]);
    if (!known) await this.register();
    for (const [jobId, attempt] of asked) {
      const lease = held.get(jobId);
      if (!lease) attempt.stop('lost');
      else if (lease.cancelRequested) attempt.stop('cancel');
    }
  }

  private async register(): Promise<void> {
    const worker = { id: this.id, hostname: hostname(), pid: process.pid, queues: QUEUE_NAMES };
    await this.database.tx((tx) => this.workers.register(tx, worker));
  }
}

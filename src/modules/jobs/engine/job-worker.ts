import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { hostname } from 'node:os';
import type { Actor } from '../../../kernel/auth/index.js';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, GroupCommit, newId, type DatabaseScope } from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { QUEUE_NAMES, QueueHosts, type Hint, type QueueName } from '../../../kernel/queue/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { UsersService, type Rights } from '../../users/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { Attempt } from './attempt.js';
import { AttemptJournal } from './attempt-journal.js';
import { Dispatcher } from './dispatcher.js';
import { EngineMetrics } from './engine-metrics.js';
import type { ClaimedJob, Outcome } from './job-moves.repository.js';
import { OutcomeWriter } from './outcome-writer.js';
import { Settler } from './settler.js';
import { WorkersRepository, type HeldJob } from './workers.repository.js';

/** Hub topic: somebody asked to cancel a running job. */
export const JOB_CANCEL_TOPIC = 'job-cancel';

/** Pause of a job that could not begin because of its surroundings: without it a lasting fault is a busy loop. */
const BEGIN_AGAIN_SECONDS = 5;

/** What this process does about a claimed job; no attempt before the handler begins. */
interface Work {
  readonly leaseEpoch: number;
  attempt: Attempt | null;
}

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
  private readonly scope: DatabaseScope;
  /** By job id, from the claim until the outcome is written. */
  private readonly running = new Map<string, Work>();
  private suspects: ReadonlySet<string> = new Set();
  /** Jobs that start together ask for their owners together. */
  private readonly owners = new GroupCommit<string, Rights | null>(async (ids) => {
    const rights = await this.users.rightsOfMany(this.scope.read, [...new Set(ids)]);
    return ids.map((id) => rights.get(id) ?? null);
  });
  private readonly id = newId();
  private started = false;
  /** The shutdown time is over: what has not begun is handed back like what runs. */
  private handingBack = false;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly registry: JobRegistry,
    private readonly settler: Settler,
    private readonly outcomes: OutcomeWriter,
    private readonly journal: AttemptJournal,
    private readonly workers: WorkersRepository,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: EngineMetrics,
    private readonly users: UsersService,
    private readonly hub: Hub,
    private readonly hosts: QueueHosts,
    log: Log,
  ) {
    this.log = log.area('worker');
    this.scope = database.system('worker');
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
      if (jobId !== undefined) this.running.get(jobId)?.attempt?.stop('cancel');
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
    this.outcomes.abandon();
    this.handingBack = true;
    for (const { attempt } of this.running.values()) attempt?.stop('shutdown');
    await finished;
    this.started = false;
    this.unsubscribe();
    await this.beats.stop();
    await this.workers.remove(this.scope.read, this.id);
  }

  @Interval(5_000)
  tick(): void {
    if (this.started) this.beats.trigger();
  }

  private async handle(queue: QueueName, hint: Hint): Promise<void> {
    this.dispatcher.roomMade(queue);
    // The hint lasts as long as its last job: a shutdown waits for hints, and one job must not hide the others.
    const ends = await Promise.allSettled(hint.jobs.map((claim) => this.work(claim)));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  private async work(claim: readonly [jobId: string, dispatchNo: number]): Promise<void> {
    const job = await this.settler.claim(this.id, claim);
    if (!job) return; // an older dispatch, a second delivery, or cancelled meanwhile
    this.metrics.started(job);
    const work: Work = { leaseEpoch: job.leaseEpoch, attempt: null };
    // Ours once before: it was taken away and came back while the older attempt has not noticed yet.
    this.running.get(job.id)?.attempt?.stop('lost');
    this.running.set(job.id, work);
    const context = { requestId: job.requestId ?? job.id, ipAddress: null, userAgent: null };
    try {
      await requestContext.run(context, () => this.runClaimed(job, work));
    } finally {
      if (this.running.get(job.id) === work) this.running.delete(job.id);
    }
  }

  private async runClaimed(job: ClaimedJob, work: Work): Promise<void> {
    const began = performance.now();
    const outcome = await this.outcomeOf(job, work);
    this.metrics.ended(job.type, outcome === 'lost' ? outcome : outcome.kind, performance.now() - began);
    if (outcome === 'lost') {
      this.log.warn({ jobId: job.id }, 'lost the lease, nothing written');
      return;
    }
    const written = await this.outcomes.write(job, outcome);
    if (!written) this.metrics.found('fenced');
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
    if (outcome.kind === 'release' || outcome.kind === 'retry') this.dispatcher.wakeIn(outcome.delaySeconds);
  }

  private async outcomeOf(job: ClaimedJob, work: Work): Promise<Outcome | 'lost'> {
    let type, payload, actor;
    try {
      ({ type, payload } = this.registry.parse(job.type, job.payload));
      actor = await this.ownerOf(job);
    } catch (error) {
      // A type this build does not know or a payload it refuses fails visibly: a repetition would not help.
      if (error instanceof UserError) return { kind: 'failed', error: error.message, errorCode: error.code };
      this.log.warn({ err: error, jobId: job.id }, 'an attempt could not begin, it is tried again');
      return { kind: 'release', delaySeconds: BEGIN_AGAIN_SECONDS, reason: null };
    }
    work.attempt = new Attempt(job, type, this.journal);
    if (this.running.get(job.id) !== work) work.attempt.stop('lost'); // claimed anew while the owner was asked for
    if (this.handingBack) work.attempt.stop('shutdown');
    return work.attempt.run(this.database.as(actor).read, actor, payload);
  }

  /** The owner with the rights of now: a right withdrawn while the job waited is a right it does not have. */
  private async ownerOf(job: ClaimedJob): Promise<Actor> {
    if (job.userId === null) return { type: 'system', name: `job ${job.type}` };
    const rights = await this.owners.submit(job.userId);
    if (!rights?.isActive)
      throw UserError.forbidden('The owner of this job is not active any more.', 'owner_inactive');
    return { type: 'job', userId: job.userId, role: rights.role, jobId: job.id };
  }

  /**
   * Renews the leases and compares what the rows say with what this process does: attempts whose lease was taken
   * are stopped, cancellations whose push got lost are carried out, and jobs nobody here works on are handed back.
   */
  private async beat(): Promise<void> {
    const working = [...this.running];
    if (!(await this.workers.beat(this.scope.read, this.id))) await this.register();
    const held = new Map((await this.workers.heldBy(this.scope.read, this.id)).map((job) => [job.id, job]));
    for (const [jobId, { leaseEpoch, attempt }] of working) {
      const lease = held.get(jobId);
      if (lease?.leaseEpoch !== leaseEpoch) attempt?.stop('lost');
      else if (lease.cancelRequested) attempt?.stop('cancel');
    }
    await this.handBackStrays([...held.values()].filter(({ id }) => !this.running.has(id)));
  }

  /**
   * A claim may commit although its answer is lost with the connection: then the row says that this worker runs a
   * job it has never heard of. One seen at two beats in a row is such a stray; a claim on its way is younger.
   */
  private async handBackStrays(found: readonly HeldJob[]): Promise<void> {
    const keyOf = ({ id, leaseEpoch }: HeldJob): string => `${id} ${leaseEpoch}`;
    const strays = found.filter((job) => this.suspects.has(keyOf(job)));
    this.suspects = new Set(found.map(keyOf));
    this.metrics.found('stray', strays.length);
    for (const { id: jobId, leaseEpoch } of strays) {
      this.log.warn({ jobId }, 'a claim whose answer got lost is handed back');
      await this.settler.settle({
        jobId,
        leaseEpoch,
        outcome: { kind: 'release', delaySeconds: 0, reason: null },
      });
    }
  }

  private async register(): Promise<void> {
    const worker = {
      id: this.id,
      hostname: hostname(),
      pid: process.pid,
      queues: QUEUE_NAMES,
      slots: this.settings.workerConcurrency,
    };
    await this.scope.tx((tx) => this.workers.register(tx, worker));
  }
}

import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { hostname } from 'node:os';
import type { Actor } from '../../../kernel/auth/index.js';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type DatabaseScope } from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { QUEUE_NAMES, QueueHosts, type Hint, type QueueName } from '../../../kernel/queue/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { Attempt } from './attempt.js';
import { AttemptJournal } from './attempt-journal.js';
import { AttemptWatch } from './attempt-watch.js';
import { Dispatcher } from './dispatcher.js';
import { EndedJobs, type CountedJob } from './ended-jobs.js';
import { EngineMetrics } from './engine-metrics.js';
import { HandlerSlots } from './handler-slots.js';
import type { ClaimedJob, Outcome } from './job-moves.repository.js';
import { OutcomeWriter } from './outcome-writer.js';
import { RareLook } from './rare-look.js';
import { Settler } from './settler.js';
import { TypeSlots } from './type-slots.js';
import type { Claim } from './dispatch.repository.js';
import { WorkersRepository, type HeldJob } from './workers.repository.js';

/** Hub topic: somebody asked to cancel a running job. */
export const JOB_CANCEL_TOPIC = 'job-cancel';

/** Pause of a job that could not begin because of its surroundings: without it a lasting fault is a busy loop. */
const BEGIN_AGAIN_SECONDS = 5;

/** So long a fetched hint waits for slots before its jobs go back to where other processes find them. */
const SLOT_PATIENCE_MS = 5_000;
/** Between two looks for jobs this worker holds without knowing. */
const STRAY_LOOK_MS = 10_000;

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
  /** Lease epochs of jobs that the rows give to this worker and that nobody here works on. */
  private suspects: ReadonlyMap<string, number> = new Map();
  private readonly strayLook = new RareLook(STRAY_LOOK_MS);
  private readonly id: string;
  private readonly watch = new AttemptWatch();
  private readonly slots: Readonly<Record<QueueName, HandlerSlots>>;
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
    private readonly ended: EndedJobs,
    private readonly places: TypeSlots,
    private readonly hub: Hub,
    private readonly hosts: QueueHosts,
    log: Log,
  ) {
    this.log = log.area('worker');
    this.id = settler.workerId;
    const slotsOf = (queue: QueueName): HandlerSlots =>
      new HandlerSlots(settings.workerConcurrency, (quick) => hosts.fetchAhead(queue, quick));
    this.slots = { default: slotsOf('default'), files: slotsOf('files') };
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
    for (const slots of Object.values(this.slots)) slots.close();
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
    if (!this.started) return;
    this.beats.trigger();
    for (const slots of Object.values(this.slots)) slots.dismiss(SLOT_PATIENCE_MS);
  }

  /** Claims each job when there is a slot for its handler; the rest of a hint that finds none goes back. */
  private async handle(queue: QueueName, { jobs }: Hint): Promise<void> {
    this.dispatcher.roomMade(queue);
    const slots = this.slots[queue];
    let failed: { readonly reason: unknown } | undefined;
    const fail = (reason: unknown): void => void (failed ??= { reason });
    const works: Promise<void>[] = [];
    for (const claim of jobs) {
      const room = this.outcomes.room();
      if (room) await room;
      if (!slots.tryTake() && !(await slots.take())) break;
      works.push(this.work(queue, claim, slots).catch(fail));
    }
    if (works.length < jobs.length) await this.sendBack(jobs.slice(works.length)).catch(fail);
    // The hint lasts as long as its last job: a shutdown waits for hints, and one job must not hide the others.
    await Promise.all(works);
    if (failed) throw failed.reason;
  }

  private async sendBack(claims: readonly Claim[]): Promise<void> {
    await this.settler.sendBack(claims);
    this.dispatcher.wake();
  }

  private async work(queue: QueueName, claim: Claim, slots: HandlerSlots): Promise<void> {
    const job = await this.settler.claim(claim).catch((error: unknown) => {
      slots.give();
      throw error;
    });
    if (!job) return slots.give(); // an older dispatch, a second delivery, or cancelled meanwhile
    const work: Work = { leaseEpoch: job.leaseEpoch, attempt: null };
    // Ours once before: it was taken away and came back while the older attempt has not noticed yet.
    this.running.get(job.id)?.attempt?.stop('lost');
    this.running.set(job.id, work);
    const context = { requestId: job.requestId ?? job.id, ipAddress: null, userAgent: null };
    try {
      const ran = await slots
        .run(() => {
          this.metrics.started(job);
          return requestContext.run(context, () => this.outcomeOf(job, work));
        })
        .finally(() => slots.give());
      if (ran) await this.end(queue, job, ran.outcome, ran.lasted);
      else await this.handBack(job.id, job.leaseEpoch);
    } finally {
      if (this.running.get(job.id) === work) this.running.delete(job.id);
    }
  }

  /** For somebody else, at once: no attempt of it has begun here. */
  private async handBack(jobId: string, leaseEpoch: number): Promise<void> {
    const outcome: Outcome = { kind: 'release', delaySeconds: 0, reason: null };
    await this.settler.settle({ jobId, leaseEpoch, outcome });
    this.dispatcher.wake();
  }

  private async end(
    queue: QueueName,
    job: ClaimedJob,
    outcome: Outcome | 'lost',
    lasted: number,
  ): Promise<void> {
    this.metrics.ended(job.type, outcome === 'lost' ? outcome : outcome.kind, lasted);
    if (outcome === 'lost') {
      this.log.warn({ jobId: job.id }, 'lost the lease, nothing written');
      return;
    }
    const written = await this.outcomes.write(job, outcome);
    if (written) this.ended.tell([countedJob(queue, job, outcome, lasted)]);
    else this.metrics.found('fenced');
    const failure = outcome.kind === 'failed' || outcome.kind === 'retry' ? outcome : null;
    if (failure || this.log.debugging) {
      const { id: jobId, type, requestId } = job;
      const details = { jobId, type, outcome: outcome.kind, ms: Math.round(lasted), written };
      const line = { ...details, requestId: requestId ?? jobId };
      if (failure) this.log.warn({ ...line, reason: failure.error }, 'attempt ended');
      else this.log.debug(line, 'attempt ended');
    }
    if (outcome.kind === 'release' || outcome.kind === 'retry') this.dispatcher.wakeIn(outcome.delaySeconds);
    // A place of its limit is free.
    if (this.registry.isLimited(job.type)) this.dispatcher.wake();
  }

  private async outcomeOf(job: ClaimedJob, work: Work): Promise<Outcome | 'lost'> {
    let type, payload, actor;
    try {
      ({ type, payload } = this.registry.parse(job.type, job.payload));
      actor = actorOf(job);
    } catch (error) {
      // A type this build does not know or a payload it refuses fails visibly: a repetition would not help.
      if (error instanceof UserError) return { kind: 'failed', error: error.message, errorCode: error.code };
      this.log.warn({ err: error, jobId: job.id }, 'an attempt could not begin, it is tried again');
      return { kind: 'release', delaySeconds: BEGIN_AGAIN_SECONDS, reason: null };
    }
    return this.places.within(type.definition, () => {
      const attempt = (work.attempt = new Attempt(job, type, this.journal, this.watch));
      if (this.running.get(job.id) !== work) attempt.stop('lost'); // claimed anew meanwhile
      if (this.handingBack) attempt.stop('shutdown');
      return attempt.run(() => this.database.as(actor).read, actor, payload);
    });
  }

  /**
   * Renews the leases and compares what the rows say with what this process does: attempts whose lease was taken
   * are stopped, cancellations whose push got lost are carried out, and jobs nobody here works on are handed back.
   */
  private async beat(): Promise<void> {
    const working = [...this.running];
    if (!(await this.workers.beat(this.scope.read, this.id))) await this.register();
    const held = new Map((await this.heldNow()).map((job) => [job.id, job]));
    for (const [jobId, { leaseEpoch, attempt }] of working) {
      const lease = held.get(jobId);
      if (lease?.leaseEpoch !== leaseEpoch) attempt?.stop('lost');
      else if (lease.cancelRequested) attempt?.stop('cancel');
    }
    await this.handBackStrays([...held.values()].filter(({ id }) => !this.running.has(id)));
  }

  /** What the rows say of the jobs worked on here, and now and then of every job in flight: there may be strays. */
  private async heldNow(): Promise<HeldJob[]> {
    const { read } = this.scope;
    if (!this.strayLook.due())
      return this.workers.heldAmong(read, this.id, [...this.running.keys(), ...this.suspects.keys()]);
    const began = performance.now();
    const held = await this.workers.heldBy(read, this.id);
    this.strayLook.done(began);
    return held;
  }

  /**
   * A claim may commit although its answer is lost with the connection: then the row says that this worker runs a
   * job it has never heard of. One seen at two beats in a row is such a stray; a claim on its way is younger.
   */
  private async handBackStrays(found: readonly HeldJob[]): Promise<void> {
    const strays = found.filter(({ id, leaseEpoch }) => this.suspects.get(id) === leaseEpoch);
    this.suspects = new Map(found.map(({ id, leaseEpoch }) => [id, leaseEpoch]));
    this.metrics.found('stray', strays.length);
    for (const { id: jobId, leaseEpoch } of strays) {
      this.log.warn({ jobId }, 'a claim whose answer got lost is handed back');
      await this.handBack(jobId, leaseEpoch);
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

/** The owner with the rights of now: a right withdrawn while the job waited is a right it does not have. */
function actorOf({ id: jobId, userId, type, owner }: ClaimedJob): Actor {
  if (userId === null) return { type: 'system', name: `job ${type}` };
  if (!owner?.isActive)
    throw UserError.forbidden('The owner of this job is not active any more.', 'owner_inactive');
  return { type: 'job', userId, role: owner.role, jobId };
}

/** For the statistics: a cancellation that was asked for while an attempt failed counts as another attempt. */
function countedJob(queue: QueueName, job: ClaimedJob, outcome: Outcome, ranMs: number): CountedJob {
  const status = outcome.kind === 'retry' || outcome.kind === 'release' ? 'pending' : outcome.kind;
  const errorCode = 'errorCode' in outcome ? outcome.errorCode : null;
  const waitedMs = job.waitedSeconds === null ? null : job.waitedSeconds * 1000;
  return { queue, type: job.type, status, errorCode, waitedMs, ranMs };
}

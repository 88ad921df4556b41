import { Injectable } from '@nestjs/common';
import type { Actor, UserActor } from '../../kernel/auth/index.js';
import { Database, toPage, type Page, type Read, type Tx } from '../../kernel/database/index.js';
import { Idempotency, OperationalError, UserError, type OnceRequest } from '../../kernel/http/index.js';
import { Hub } from '../../kernel/realtime/index.js';
import { AuditService } from '../audit/index.js';
import { limitKeyOf } from './definition/limit-key.js';
import { JobRegistry, type JobType } from './definition/job-registry.js';
import { Dispatcher } from './engine/dispatcher.js';
import { JOB_CANCEL_TOPIC } from './engine/job-worker.js';
import type { JobFence, Routine } from './definition/define-job.js';
import { Settler } from './engine/settler.js';
import type { JobEntity } from './job.entity.js';
import { toJobLogView, toJobTypeView, toJobView } from './job.view.js';
import { JobsCreation, type JobRequest, type OwnedRequest } from './jobs-creation.js';
import { JobsListRepository } from './jobs-list.repository.js';
import { jobsPolicy } from './jobs.policy.js';
import { JobsRepository } from './jobs.repository.js';
import type { JobLogView, JobLogsQuery, JobTypeView, JobView, ListJobsQuery } from './jobs.schema.js';
import { RunningJobsRepository, type HeldAttempt } from './running-jobs.repository.js';
import { UniqueJobs } from './unique/unique-jobs.js';

/**
 * The one door to jobs. A created job is a committed row: it will run at least once, whatever crashes, or end
 * visibly as failed or cancelled (flow A).
 */
@Injectable()
export class JobsService {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobsRepository,
    private readonly lists: JobsListRepository,
    private readonly registry: JobRegistry,
    private readonly creation: JobsCreation,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
    private readonly dispatcher: Dispatcher,
    private readonly settler: Settler,
    private readonly hub: Hub,
    private readonly unique: UniqueJobs,
    private readonly running: RunningJobsRepository,
  ) {}

  /** Those that run by themselves. */
  routines(): { readonly type: string; readonly summary: string; readonly routine: Routine }[] {
    return this.registry
      .all()
      .flatMap(({ definition: { name: type, summary, routine } }) =>
        routine ? [{ type, summary, routine }] : [],
      );
  }

  types(): { items: JobTypeView[] } {
    return { items: this.registry.offered().map(toJobTypeView) };
  }

  async create(actor: UserActor, request: JobRequest, once: OnceRequest | null): Promise<JobView> {
    return this.database
      .as(actor)
      .tx((tx) =>
        this.idempotency.once(tx, actor.userId, once, async () =>
          toJobView(await this.creation.createShown(tx, actor, request)),
        ),
      );
  }

  /**
   * Creates a job in the caller's transaction and answers its id; where its type is unique, perhaps that of the open
   * job which does the same already. Checks the type, the payload (400 naming the field, 413 for its size), the role
   * and the type's own authorization (403, or 404 for what the actor may not know exists).
   */
  async createIn(tx: Tx, actor: Actor, request: JobRequest): Promise<string> {
    return this.creation.create(tx, actor, request);
  }

  /** The same for many that `check` has let pass, in a few statements. Answers the ids in the order of the requests. */
  async createChecked(tx: Tx, requests: readonly OwnedRequest[]): Promise<readonly string[]> {
    return this.creation.createChecked(tx, requests);
  }

  /** The checks of `createIn` alone: for templates that are stored now and run later. `pointer` prefixes field errors. */
  async check(
    read: Read,
    actor: Actor,
    request: Pick<JobRequest, 'type' | 'payload'>,
    pointer = '',
  ): Promise<{ type: JobType; payload: unknown }> {
    return this.creation.check(read, actor, request, pointer);
  }

  /**
   * For what a handler writes itself: asked first in its transaction, with `context.fence`, it throws when the attempt
   * has lost its job, and otherwise keeps a successor from beginning until the transaction has ended (ADR 5).
   */
  async assertHeld(tx: Tx, fence: JobFence): Promise<void> {
    await this.settler.assertHeld(tx, fence);
  }

  /** The same, and answers what earlier attempts have kept (`keep`); empty where they have kept nothing. */
  async hold(tx: Tx, fence: JobFence): Promise<object> {
    const held = await this.running.hold(tx, fence);
    if (!held) throw new OperationalError('lease_lost', 'Another attempt of this job has begun.');
    return held.checkpoint ?? {};
  }

  /** For this attempt and those after it, until the job is retried by hand; false when the job does not run. */
  async keep(tx: Tx, jobId: string, values: object): Promise<boolean> {
    return this.running.keep(tx, jobId, values);
  }

  /** What attempts of the job have kept. */
  async kept(read: Read, jobId: string): Promise<object> {
    return (await this.running.checkpoint(read, jobId)) ?? {};
  }

  /** Those of the attempts that hold their jobs now: what belongs to any other one counts for nothing any more. */
  async heldAmong(read: Read, fences: readonly JobFence[]): Promise<HeldAttempt[]> {
    return this.running.heldAmong(read, fences);
  }

  /** What these postponed jobs have waited for may be there: they are tried again at once. */
  async wake(tx: Tx, ids: readonly string[]): Promise<void> {
    if (ids.length > 0 && (await this.running.wake(tx, ids)) > 0) this.dispatcher.wakeAfter(tx);
  }

  async list(actor: UserActor, query: ListJobsQuery): Promise<Page<JobView>> {
    const { userId, all, ...filter } = query;
    if ((userId !== undefined || all !== undefined) && !jobsPolicy.listOthers(actor))
      throw UserError.forbidden('Only admins may list the jobs of others.');
    const whose = all === 'true' ? undefined : (userId ?? actor.userId);
    return toPage(
      await this.lists.page(this.database.as(actor).read, { ...filter, userId: whose }),
      query.limit,
      toJobView,
    );
  }

  async get(actor: UserActor, id: string): Promise<JobView> {
    return toJobView(await this.visible(this.database.as(actor).read, actor, id));
  }

  async logs(actor: UserActor, id: string, query: JobLogsQuery): Promise<Page<JobLogView>> {
    await this.visible(this.database.as(actor).read, actor, id);
    return toPage(await this.jobs.logs(this.database.as(actor).read, id, query), query.limit, toJobLogView);
  }

  /** A waiting job is cancelled at once; a running one is told to stop and ends as cancelled soon after. */
  async cancel(actor: UserActor, id: string): Promise<JobView> {
    return this.database.as(actor).tx(async (tx) => {
      const job = await this.visible(tx, actor, id);
      const cancelled = await this.jobs.cancelWaiting(tx, [id]);
      if (cancelled.length > 0) await this.settler.recordEnds(tx, cancelled);
      else if ((await this.jobs.requestCancel(tx, [id])).length > 0)
        tx.afterCommit(() => this.hub.publish(JOB_CANCEL_TOPIC, { jobId: id }));
      else throw UserError.conflict('job_ended', 'This job has ended already.');
      // One that was queued leaves its place to another one of its limit.
      if (job.limitKey !== null) this.dispatcher.wakeAfter(tx);
      await this.audit.record(tx, { actor, action: 'job.cancel', resource: { type: 'job', id } });
      return toJobView(await this.existing(tx, id));
    });
  }

  async retry(actor: UserActor, id: string): Promise<JobView> {
    return this.database.as(actor).tx(async (tx) => {
      await this.retryIn(tx, actor, id);
      return toJobView(await this.existing(tx, id));
    });
  }

  /** The same in the caller's transaction; `details` stand in the record of it. */
  async retryIn(tx: Tx, actor: Actor, id: string, details: Record<string, unknown> = {}): Promise<void> {
    const job = await this.visible(tx, actor, id);
    const { limitKey } = await this.claimAgain(tx, job);
    const retried = await this.jobs.retryEnded(tx, [{ id, limitKey }]);
    if (retried.length === 0)
      throw UserError.conflict('job_not_retryable', 'Only a failed or cancelled job can be retried.');
    await this.audit.record(tx, { actor, action: 'job.retry', resource: { type: 'job', id }, details });
    this.dispatcher.wakeAfter(tx);
  }

  /** Whether a job of the schedule has not ended yet. */
  async hasOpenJob(read: Read, scheduleId: string): Promise<boolean> {
    return this.jobs.hasOpenJob(read, scheduleId);
  }

  /** Those of the schedules of which a job has not ended yet. */
  async openAmong(read: Read, scheduleIds: readonly string[]): Promise<ReadonlySet<string>> {
    return scheduleIds.length === 0 ? new Set() : this.jobs.openAmong(read, scheduleIds);
  }

  /**
   * Ends what is open of a schedule: jobs that wait at once, running ones soon. True while one is open all the same:
   * it stops, or somebody is moving it just now. Waits for nobody, so that it may be asked for many schedules.
   */
  async stopOpenOf(tx: Tx, actor: Actor, scheduleId: string, reason: string): Promise<boolean> {
    const { cancelled, stopping } = await this.jobs.stopOpenOf(tx, scheduleId);
    await this.settler.recordEnds(tx, cancelled);
    for (const jobId of stopping) tx.afterCommit(() => this.hub.publish(JOB_CANCEL_TOPIC, { jobId }));
    const ids = [...cancelled.map(({ id }) => id), ...stopping];
    if (ids.length > 0) {
      // Those that were queued leave their places to others of their limit.
      this.dispatcher.wakeAfter(tx);
      await this.audit.recordMany(
        tx,
        ids.map((id) => ({
          actor,
          action: 'job.cancel',
          resource: { type: 'job', id },
          details: { reason },
        })),
      );
    }
    return this.jobs.hasOpenJob(tx, scheduleId);
  }

  /**
   * What a job that is to run once more falls under by the definition of now, and its key, where its type is unique:
   * 409 when another open job has it. A payload that the type refuses by now fails visibly when it runs.
   */
  private async claimAgain(tx: Tx, job: JobEntity): Promise<{ limitKey: string | null }> {
    const definition = this.registry.find(job.type)?.definition;
    const parsed = definition?.payload.safeParse(job.payload);
    if (!definition || !parsed?.success) return { limitKey: job.limitKey };
    const claimant = { id: job.id, userId: job.userId, payload: parsed.data };
    const holder = await this.unique.claim(tx, definition, claimant);
    if (holder !== null)
      throw UserError.conflict('job_not_unique', `The job ${holder} does the same and has not ended yet.`);
    return { limitKey: limitKeyOf(definition, parsed.data, claimant) };
  }

  private async visible(read: Read, actor: Actor, id: string): Promise<JobEntity> {
    const job = await this.jobs.find(read, id);
    if (!job || !jobsPolicy.access(actor, job)) throw UserError.notFound('job');
    return job;
  }

  private async existing(read: Read, id: string): Promise<JobEntity> {
    const job = await this.jobs.find(read, id);
    if (!job) throw new Error(`job ${id} vanished inside its own transaction`);
    return job;
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import type { Actor } from '../../../kernel/auth/index.js';
import { Database, type Read, type Tx } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../definition/define-job.js';
import { JobRegistry } from '../definition/job-registry.js';
import { Dispatcher } from '../engine/dispatcher.js';
import { JOB_CANCEL_TOPIC } from '../engine/job-worker.js';
import type { JobStatus } from '../engine/job-status.js';
import { Settler } from '../engine/settler.js';
import { JobsRepository } from '../jobs.repository.js';
import { JobsService } from '../jobs.service.js';
import { BULK_JOB_ACTION, authorizeTarget, targetOf, type ActionTarget } from './job-action-target.js';
import { jobActionPayload, type JobAction, type JobActionPayload } from './job-action.schema.js';
import { JobActionsRepository, type ActionTally, type HeldJob } from './job-actions.repository.js';

/** Jobs moved in one transaction. */
const BATCH = 500;
/** Rows that others hold are come back for so often; they are held for milliseconds. */
const LAST_LOOKS = 5;
const LOOK_PAUSE_MS = 200;

/** One action as an attempt carries it out. */
interface Work {
  readonly context: JobContext;
  readonly action: JobAction;
  readonly target: ActionTarget;
  tally: ActionTally;
}

/**
 * Cancels or retries many jobs with the rights that its owner has when it runs, a batch in each transaction, together
 * with the events, the records and the count of what was done: after a crash it goes on from there. A batch takes
 * what nobody else is just moving and comes back for the rest, so that it never waits for anybody while it holds rows.
 */
@HandlesJob(
  defineJob({
    name: BULK_JOB_ACTION,
    summary: 'Cancels or retries all jobs that a filter means.',
    payload: jobActionPayload,
    maxRetries: 10,
    repeats: 'Nothing: what is done is not done again.',
  }),
)
export class BulkJobAction extends JobHandler<JobActionPayload> {
  constructor(
    private readonly database: Database,
    private readonly actions: JobActionsRepository,
    private readonly moves: JobsRepository,
    private readonly jobs: JobsService,
    private readonly registry: JobRegistry,
    private readonly settler: Settler,
    private readonly dispatcher: Dispatcher,
    private readonly hub: Hub,
    private readonly audit: AuditService,
  ) {
    super();
  }

  override async authorize(_read: Read, actor: Actor, { filter }: JobActionPayload): Promise<void> {
    authorizeTarget(actor, filter);
  }

  async run(context: JobContext, payload: JobActionPayload): Promise<object> {
    const { read } = this.database.as(context.actor);
    const { askedAt, tally } = await this.actions.begun(read, context.jobId);
    const target = targetOf(context.actor, payload, askedAt);
    const matched = tally?.matched ?? (await this.actions.count(read, target));
    const work: Work = { context, action: payload.action, target, tally: tally ?? { matched, changed: 0 } };
    for (let looks = 0; looks < LAST_LOOKS;) {
      const before = work.tally.changed;
      for (const status of target.statuses) await this.allIn(work, status);
      if (work.tally.changed > before) continue;
      if ((await this.actions.count(read, target)) === 0) break;
      looks += 1;
      await pause(LOOK_PAUSE_MS, undefined, { signal: context.signal });
    }
    return summaryOf(work.tally);
  }

  private async allIn(work: Work, status: JobStatus): Promise<void> {
    const { context } = work;
    for (let cursor: string | undefined; ;) {
      context.signal.throwIfAborted();
      const after = cursor;
      const held = await this.database.as(context.actor).tx((tx) => this.batch(tx, work, status, after));
      cursor = held.at(-1)?.id;
      if (cursor === undefined) return;
      const { matched, changed } = work.tally;
      context.progress((100 * changed) / Math.max(matched, 1), summaryOf(work.tally));
    }
  }

  private async batch(
    tx: Tx,
    work: Work,
    status: JobStatus,
    after: string | undefined,
  ): Promise<readonly HeldJob[]> {
    const { context, target, tally } = work;
    // Its own row before any other: whoever writes several rows at once and has this one then waits for none of those
    // that are held next. For an update, because the count is kept in it.
    await this.settler.assertHeld(tx, context.fence, 'update');
    const held = await this.actions.hold(tx, target, status, after, BATCH);
    if (held.length === 0) return held;
    const changed = await (work.action === 'cancel'
      ? this.cancel(tx, work, status, held)
      : this.retry(tx, work, held));
    const next = { ...tally, changed: tally.changed + changed };
    await this.actions.keep(tx, context.jobId, next);
    tx.afterCommit(() => (work.tally = next));
    return held;
  }

  private async cancel(tx: Tx, work: Work, status: JobStatus, held: readonly HeldJob[]): Promise<number> {
    const ids = held.map(({ id }) => id);
    if (status === 'running') {
      const asked = await this.moves.requestCancel(tx, ids);
      tx.afterCommit(() => asked.forEach((jobId) => this.hub.publish(JOB_CANCEL_TOPIC, { jobId })));
      return this.record(tx, work, asked);
    }
    const ended = await this.moves.cancelWaiting(tx, ids);
    await this.settler.recordEnds(tx, ended);
    // Those that were queued leave their places to others of their limits.
    this.dispatcher.wakeAfter(tx);
    return this.record(
      tx,
      work,
      ended.map(({ id }) => id),
    );
  }

  /** Those of types without limits fall under none, whatever they once fell under. */
  private async retry(tx: Tx, work: Work, held: readonly HeldJob[]): Promise<number> {
    const careful = held.filter(({ type }) => this.hasPolicies(type));
    const others = held.filter((job) => !careful.includes(job));
    const retried = await this.moves.retryEnded(
      tx,
      others.map(({ id, type, limitKey }) => ({ id, limitKey: this.registry.find(type) ? null : limitKey })),
    );
    this.dispatcher.wakeAfter(tx);
    await this.record(tx, work, retried);
    let changed = retried.length;
    for (const { id } of careful) if (await this.retryOne(tx, work, id)) changed += 1;
    return changed;
  }

  /** Where a limit or another open job of its key has a say, each is looked at by itself. */
  private hasPolicies(type: string): boolean {
    const definition = this.registry.find(type)?.definition;
    return (
      definition !== undefined && (definition.unique !== null || Object.keys(definition.limits).length > 0)
    );
  }

  private async retryOne(tx: Tx, { context }: Work, id: string): Promise<boolean> {
    try {
      await this.jobs.retryIn(tx, context.actor, id, { by: context.jobId });
      return true;
    } catch (error) {
      if (error instanceof UserError) return false;
      throw error;
    }
  }

  private async record(tx: Tx, { context, action }: Work, ids: readonly string[]): Promise<number> {
    await this.audit.recordMany(
      tx,
      ids.map((id) => ({
        actor: context.actor,
        action: `job.${action}`,
        resource: { type: 'job', id },
        details: { by: context.jobId },
      })),
    );
    return ids.length;
  }
}

/** Skipped are those that others have moved meanwhile. More may be changed than matched: jobs move while they are counted. */
function summaryOf({ matched, changed }: ActionTally): { matched: number; changed: number; skipped: number } {
  const all = Math.max(matched, changed);
  return { matched: all, changed, skipped: all - changed };
}

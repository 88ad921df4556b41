import { Injectable } from '@nestjs/common';
import { userIdOf, type Actor } from '../../kernel/auth/index.js';
import { isUnreachable, newId, type Read, type Tx } from '../../kernel/database/index.js';
import { UserError, requestContext } from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import type { JobDefinition } from './definition/define-job.js';
import { JobRegistry, type JobType } from './definition/job-registry.js';
import type { QueueName } from '../../kernel/queue/index.js';
import { limitKeyOf } from './definition/limit-key.js';
import { refuseLargePayload } from './definition/payload-size.js';
import { Dispatcher } from './engine/dispatcher.js';
import { FairTurns, laneOf, ownerOf } from './engine/fair-turns.js';
import type { JobEntity } from './job.entity.js';
import { jobsPolicy } from './jobs.policy.js';
import { JobsRepository, type NewJob } from './jobs.repository.js';
import type { CreateJobBody } from './jobs.schema.js';
import { UniqueJobs } from './unique/unique-jobs.js';

export interface JobRequest extends Omit<CreateJobBody, 'scheduledFor'> {
  /** Chosen by callers that may ask twice for the same job: it is made once. A UUIDv7 of about now. */
  readonly id?: string | undefined;
  readonly scheduledFor?: Date | undefined;
  readonly scheduleId?: string | undefined;
}

/** A request that may be done: what `check` answers, with the rest of it. */
export interface CheckedRequest {
  readonly request: JobRequest;
  readonly type: JobType;
  readonly payload: unknown;
}

/** One that is made in somebody's name. */
export interface OwnedRequest extends CheckedRequest {
  readonly actor: Actor;
}

/** What became of one request of many: the id of its job, or why there is none. */
export type Creation = { readonly id: string } | { readonly refusal: unknown };

/**
 * The one path from a request to a row, for one job and for a thousand: check, insert, audit, wake. One statement
 * inserts and one records, however many there are.
 */
@Injectable()
export class JobsCreation {
  constructor(
    private readonly jobs: JobsRepository,
    private readonly registry: JobRegistry,
    private readonly audit: AuditService,
    private readonly dispatcher: Dispatcher,
    private readonly turns: FairTurns,
    private readonly unique: UniqueJobs,
  ) {}

  /** Answers the job's id. Throws what `check` throws. */
  async create(tx: Tx, actor: Actor, request: JobRequest): Promise<string> {
    const { ids } = await this.addOne(tx, actor, request);
    return ids[0]!;
  }

  /** The same, with the job itself: the one that was made, or that was there before. */
  async createShown(tx: Tx, actor: Actor, request: JobRequest): Promise<JobEntity> {
    const { ids, made } = await this.addOne(tx, actor, request);
    const job = made ?? (await this.jobs.find(tx, ids[0]!));
    if (!job) throw new Error(`job ${ids[0]} vanished inside its own transaction`);
    return job;
  }

  private async addOne(tx: Tx, actor: Actor, request: JobRequest): Promise<Added> {
    return this.add(tx, [{ actor, request, ...(await this.check(tx, actor, request)) }]);
  }

  /**
   * What is refused takes nothing of the others along, not even by a statement that breaks the transaction. Answers
   * in the order of the requests; `pointerOf` names the place of one for its field errors.
   */
  async createMany(
    tx: Tx,
    actor: Actor,
    requests: readonly JobRequest[],
    pointerOf: (index: number) => string,
  ): Promise<Creation[]> {
    const checks = await this.checkMany(tx, actor, requests, pointerOf);
    const checked = checks.filter((check) => 'type' in check);
    const { ids } = await this.add(
      tx,
      checked.map((check) => ({ ...check, actor })),
    );
    let next = 0;
    return checks.map((check) => ('type' in check ? { id: ids[next++]! } : check));
  }

  /** What has been checked before, each in the name of its own actor. Answers the ids in the order of the requests. */
  async createChecked(tx: Tx, requests: readonly OwnedRequest[]): Promise<readonly string[]> {
    if (requests.length === 0) return [];
    return (await this.add(tx, requests)).ids;
  }

  /** Type, payload and its size, role, and the type's own authorization. */
  async check(
    read: Read,
    actor: Actor,
    request: Pick<JobRequest, 'type' | 'payload'>,
    pointer = '',
  ): Promise<{ type: JobType; payload: unknown }> {
    const parsed = this.registry.parse(request.type, request.payload, pointer);
    const { definition, handler } = parsed.type;
    refuseLargePayload(parsed.payload, definition.sizes.payload, pointer);
    if (!jobsPolicy.create(actor, definition))
      throw UserError.forbidden(
        `Jobs of type ${definition.name} need the role ${definition.requiredRole}.`,
        'role_required',
      );
    await handler.authorize(read, actor, parsed.payload);
    return parsed;
  }

  /**
   * Checks only read, so going back to the savepoint before the first of them undoes nothing but what the failed one
   * has broken, and one savepoint does for all.
   */
  private async checkMany(
    tx: Tx,
    actor: Actor,
    requests: readonly JobRequest[],
    pointerOf: (index: number) => string,
  ): Promise<(CheckedRequest | { refusal: unknown })[]> {
    const checks: (CheckedRequest | { refusal: unknown })[] = [];
    await this.jobs.savepoint(tx);
    for (const [index, request] of requests.entries()) {
      try {
        checks.push({ request, ...(await this.check(tx, actor, request, pointerOf(index))) });
      } catch (refusal) {
        if (isUnreachable(refusal)) throw refusal;
        await this.jobs.rollbackToSavepoint(tx);
        checks.push({ refusal });
      }
    }
    await this.jobs.releaseSavepoint(tx);
    return checks;
  }

  /**
   * Ids in the order of the requests: of jobs made now, of those that have the id of a request already, or of open
   * ones that keep a unique job away.
   */
  private async add(tx: Tx, checked: readonly OwnedRequest[]): Promise<Added> {
    const wanted = checked.flatMap(({ request: { id } }) => id ?? []);
    const known = new Set(wanted.length > 0 ? await this.jobs.known(tx, wanted) : []);
    const claims = new Map<
      string,
      { readonly definition: JobDefinition; readonly actor: Actor; readonly claimant: Unplaced }
    >();
    const asked = checked.map((one) => {
      const id = one.request.id ?? newId();
      if (!known.has(id) && !claims.has(id))
        claims.set(id, {
          definition: one.type.definition,
          actor: one.actor,
          claimant: this.row(id, one.actor, one),
        });
      return id;
    });
    const holders = await this.unique.claimMany(tx, [...claims.values()]);
    const holderOf = new Map([...claims.keys()].map((id, index) => [id, holders[index] ?? null]));
    const rows = [...claims.values()].flatMap(({ actor, claimant }) =>
      holderOf.get(claimant.id) === null ? { ...claimant, actor } : [],
    );
    const made = rows.length > 0 ? await this.insert(tx, rows) : null;
    return { ids: asked.map((id) => holderOf.get(id) ?? id), made };
  }

  /** Answers the row where it is a single one. */
  private async insert(
    tx: Tx,
    unplaced: readonly (Unplaced & { readonly actor: Actor })[],
  ): Promise<JobEntity | null> {
    const rows = unplaced.map((job) => ({ ...job, turn: this.turnOf(job) }));
    const [first, ...others] = rows;
    const made = first && others.length === 0 ? await this.jobs.insertOne(tx, first) : null;
    if (!made) await this.jobs.insert(tx, rows);
    await this.audit.recordMany(
      tx,
      rows.map(({ actor, id, type }) => ({
        actor,
        action: 'job.create',
        resource: { type: 'job', id },
        details: { type },
      })),
    );
    for (const queue of queuesOf(rows)) this.dispatcher.wakeAfter(tx, queue);
    return made;
  }

  private row(
    id: string,
    actor: Actor,
    { request, type: { definition }, payload }: CheckedRequest,
  ): Unplaced {
    const userId = userIdOf(actor);
    if (userId === null && definition.requiredRole !== 'system' && !definition.ownerless)
      throw new Error('a job needs an owner');
    return {
      id,
      userId,
      type: definition.name,
      queue: definition.queue,
      priority: request.priority ?? 5,
      payload,
      maxRetries: request.maxRetries ?? definition.maxRetries,
      timeoutSeconds: request.timeoutSeconds ?? definition.timeoutSeconds,
      scheduledFor: request.scheduledFor ?? null,
      scheduleId: request.scheduleId ?? null,
      requestId: requestContext.current()?.requestId ?? null,
      limitKey: limitKeyOf(definition, payload, { userId }),
    };
  }
  /** Only for jobs that are made, or whoever asks again and again for one that is there would lose turns. */
  private turnOf(job: Unplaced): number | null {
    if (job.scheduledFor) return null;
    return this.turns.turnsFor(laneOf(job), job.priority, ownerOf(job), 1)[0]!;
  }
}

/** Ids in the order of the requests, and the row where a single one was made. */
interface Added {
  readonly ids: readonly string[];
  readonly made: JobEntity | null;
}

/** A job that has not been given its place yet. */
type Unplaced = Omit<NewJob, 'turn'>;

/** Those to look at when the jobs are committed; undefined stands for jobs that wait for their time. */
function queuesOf(jobs: readonly NewJob[]): Set<QueueName | undefined> {
  return new Set(jobs.map(({ queue, turn }) => (turn === null ? undefined : queue)));
}

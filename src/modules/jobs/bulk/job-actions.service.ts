import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { databaseNow, Database, type Tx } from '../../../kernel/database/index.js';
import { Idempotency, type OnceRequest } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { toJobView } from '../job.view.js';
import { JobsCreation } from '../jobs-creation.js';
import { BULK_JOB_ACTION, authorizeTarget, targetOf } from './job-action-target.js';
import type { JobActionBody, JobActionView } from './job-action.schema.js';
import { JobActionsRepository } from './job-actions.repository.js';

const SAMPLE = 10;
/** Before what it is about: an action that cancels a pile of jobs must not wait behind it. */
const PRIORITY = 1;

/** Tells how many jobs an action is for, and has a job do it. */
@Injectable()
export class JobActionsService {
  constructor(
    private readonly database: Database,
    private readonly actions: JobActionsRepository,
    private readonly creation: JobsCreation,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
  ) {}

  async request(actor: UserActor, body: JobActionBody, once: OnceRequest | null): Promise<JobActionView> {
    authorizeTarget(actor, body.filter);
    return this.database
      .as(actor)
      .tx((tx) => this.idempotency.once(tx, actor.userId, once, () => this.requestIn(tx, actor, body)));
  }

  private async requestIn(tx: Tx, actor: UserActor, body: JobActionBody): Promise<JobActionView> {
    const { dryRun = false, ...payload } = body;
    const target = targetOf(actor, payload, await databaseNow(tx));
    const count = await this.actions.count(tx, target);
    const sampleIds = await this.actions.sample(tx, target, SAMPLE);
    const answer = { action: payload.action, dryRun, count, sampleIds };
    if (dryRun) return { ...answer, job: null };
    const job = await this.creation.createShown(tx, actor, {
      type: BULK_JOB_ACTION,
      payload: plain(payload),
      priority: PRIORITY,
    });
    await this.audit.record(tx, {
      actor,
      action: `job.${payload.action}-many`,
      resource: { type: 'job', id: job.id },
      details: { filter: plain(payload.filter), count },
    });
    return { ...answer, job: toJobView(job) };
  }
}

/** As it came: times are texts again. */
const plain = (value: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

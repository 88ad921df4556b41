import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { JobEntity } from '../job.entity.js';
import { toJobView } from '../job.view.js';
import { JobsListRepository } from '../jobs-list.repository.js';
import { jobsPolicy } from '../jobs.policy.js';
import { JobsRepository } from '../jobs.repository.js';
import {
  MAX_OFFSET,
  type JobStatusList,
  type JobStatusQuery,
  type JobStatusView,
} from './job-status.schema.js';

/** Jobs in the shape that clients of the earlier service hold on to (S2-27 to S2-29; C13, C33). */
@Injectable()
export class JobStatusService {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobsRepository,
    private readonly lists: JobsListRepository,
  ) {}

  async get(
    actor: UserActor,
    { jobId, limit, offset }: JobStatusQuery,
  ): Promise<JobStatusView | JobStatusList> {
    return jobId === undefined ? this.list(actor, limit, offset) : this.one(actor, jobId);
  }

  private async one(actor: UserActor, id: string): Promise<JobStatusView> {
    const job = await this.jobs.find(this.database.as(actor).read, id);
    if (!job || !jobsPolicy.access(actor, job)) throw UserError.notFound('job');
    return toStatusView(job);
  }

  private async list(actor: UserActor, limit: number, offset: number): Promise<JobStatusList> {
    const { read } = this.database.as(actor);
    const [rows, counted] = await Promise.all([
      this.lists.slice(read, actor.userId, limit, offset),
      this.lists.countUpTo(read, actor.userId, MAX_OFFSET + 1),
    ]);
    return { items: rows.map(toStatusView), limit, offset, total: counted > MAX_OFFSET ? null : counted };
  }
}

function toStatusView(job: JobEntity): JobStatusView {
  const { id, type, status, userId, payload, result, error, createdAt, startedAt, completedAt, ...view } =
    toJobView(job);
  return {
    id,
    type,
    status,
    userId,
    payload,
    progress: { ...view.progressDetail, percent: view.progress },
    result,
    error,
    duration: view.durationMs,
    createdAt,
    startedAt,
    completedAt,
    failedAt: status === 'failed' ? completedAt : null,
    updatedAt: job.updatedAt.toISOString(),
  };
}

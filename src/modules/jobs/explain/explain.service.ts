import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { databaseNow, Database, type Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { digest, partsOf } from '../definition/limit-key.js';
import { nextAt, recentOf, type Rate } from '../engine/rate-log.js';
import type { JobEntity } from '../job.entity.js';
import { jobsPolicy } from '../jobs.policy.js';
import { JobsRepository } from '../jobs.repository.js';
import { QueuePausesRepository } from '../queues/queue-pauses.repository.js';
import { QueuesRepository } from '../queues/queues.repository.js';
import { ExplainRepository } from './explain.repository.js';
import type { ExplanationView } from './explain.schema.js';
import { COUNTED_AHEAD, reasonsOf } from './reasons.js';

/**
 * Why a job is not running yet. Looks at the job as its reader may, and at what is around it by number only: nobody
 * learns anything of the jobs of others but how many there are.
 */
@Injectable()
export class ExplainService {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobsRepository,
    private readonly registry: JobRegistry,
    private readonly pauses: QueuePausesRepository,
    private readonly queues: QueuesRepository,
    private readonly around: ExplainRepository,
  ) {}

  async explain(actor: UserActor, id: string): Promise<ExplanationView> {
    const job = await this.jobs.find(this.database.as(actor).read, id);
    if (!job || !jobsPolicy.access(actor, job)) throw UserError.notFound('job');
    const scope = this.database.system('job explanation');
    const { read } = scope;
    const definition = this.registry.find(job.type)?.definition ?? null;
    const [now, pause, served, ahead, inFlight, rateUntil] = await Promise.all([
      databaseNow(read),
      this.pauses.find(read, job.queue),
      this.queues.served(read),
      scope.tx((tx) => this.around.ahead(tx, job, COUNTED_AHEAD + 1)),
      job.limitKey === null
        ? { ofType: 0, ofKey: 0 }
        : this.around.inFlight(read, job.type, partsOf(job.limitKey).limit),
      this.rateUntil(read, job, definition?.limits.rate),
    ]);
    const reasons = reasonsOf(job, {
      now,
      pause,
      workers: served.find(({ queue }) => queue === job.queue)?.workers ?? 0,
      definition,
      inFlight,
      rateUntil,
      ahead,
    });
    return { jobId: job.id, type: job.type, queue: job.queue, status: job.status, reasons };
  }

  /** When the rate of its type lets the next one of its key start; null when it lets one start now. */
  private async rateUntil(read: Read, job: JobEntity, rate: Rate | undefined): Promise<Date | null> {
    if (job.limitKey === null || rate === undefined) return null;
    const { log, now } = await this.around.rate(read, job.type, digest(partsOf(job.limitKey).rate));
    const next = nextAt(recentOf(log, rate, now), rate);
    return next === null ? null : new Date(next);
  }
}

import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { JobsService } from '../../jobs/index.js';
import { TRANSFER_LIMIT_TOPIC, type TransferLimitMessage } from './transfer-limits.js';
import type { TransferChangesBody, TransferView } from './transfers.schema.js';

/** Types whose jobs move bytes. */
const TRANSFERS: ReadonlySet<string> = new Set(['copy', 'move', 'sync', 'backup', 'restore']);

/** What can be changed about a file job while it runs. A job of somebody else does not exist (404), but for admins. */
@Injectable()
export class TransfersService {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobsService,
    private readonly audit: AuditService,
    private readonly hub: Hub,
  ) {}

  /** Kept in the job for its further attempts, until it is retried by hand; the process that runs it is told at once. */
  async limit(
    actor: UserActor,
    jobId: string,
    { bandwidthLimit }: TransferChangesBody,
  ): Promise<TransferView> {
    const { type } = await this.jobs.get(actor, jobId);
    if (!TRANSFERS.has(type))
      throw UserError.conflict('not_a_transfer', `Jobs of type ${type} have no bandwidth.`);
    return this.database.as(actor).tx(async (tx) => {
      if (!(await this.jobs.keep(tx, jobId, { bandwidthLimit })))
        throw UserError.conflict('job_not_running', 'Only the bandwidth of a job that runs can be changed.');
      await this.audit.record(tx, {
        actor,
        action: 'job.limit_bandwidth',
        resource: { type: 'job', id: jobId },
        details: { bandwidthLimit },
      });
      const message: TransferLimitMessage = { jobId, bandwidthLimit };
      tx.afterCommit(() => this.hub.publish(TRANSFER_LIMIT_TOPIC, message));
      return { jobId, bandwidthLimit };
    });
  }
}

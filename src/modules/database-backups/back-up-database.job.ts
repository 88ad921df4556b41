import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../../kernel/database/index.js';
import { AuditService } from '../audit/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../jobs/index.js';
import { DatabaseBackups } from './database-backups.js';

const payload = z.strictObject({});

export const backUpDatabase = defineJob({
  name: 'back-up-database',
  summary: 'Writes everything in the database into one packed file in the store. Runs by itself once a day.',
  routine: { name: 'Daily database backup', cronExpression: '0 2 * * *' },
  payload,
  requiredRole: 'admin',
  ownerless: true,
  timeoutSeconds: 6 * 3600,
  limits: { global: 1 },
  repeats: 'Everything: an attempt writes a file of its own.',
});

/** Makes one backup. The audit trail says which, because whoever has the file has everything. */
@Injectable()
@HandlesJob(backUpDatabase)
export class BackUpDatabaseJob extends JobHandler {
  constructor(
    private readonly backups: DatabaseBackups,
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {
    super();
  }

  override async run(context: JobContext): Promise<object> {
    const { key, rows, bytes, sha256 } = await this.backups.make(context.signal, (name, count) =>
      context.log('debug', `${name}: ${count} rows`),
    );
    const details = { key, rows, bytes, sha256 };
    await this.database.system('database backup').tx((tx) =>
      this.audit.record(tx, {
        actor: context.actor,
        action: 'database.back_up',
        resource: { type: 'job', id: context.jobId },
        details,
      }),
    );
    context.log('info', `Written to ${key}: ${rows} rows, ${bytes} bytes.`);
    return details;
  }
}

import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../../../kernel/database/index.js';
import { RetentionTasks, type RetentionReport } from '../../../kernel/retention/index.js';
import { AuditService } from '../../audit/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../definition/define-job.js';
import { Archiver } from './archiver.js';

const payload = z.strictObject({
  dryRun: z.boolean().default(false).describe('Only count what would be removed.'),
});
type Payload = z.output<typeof payload>;

export const cleanup = defineJob({
  name: 'cleanup',
  summary: 'Archives and removes what is older than the settings keep. Runs by itself once a day.',
  // Spread over an hour, so that installations that share a server do not clean up at once.
  routine: { name: 'Daily cleanup', cronExpression: '0 3 * * *', jitterSeconds: 3600 },
  payload,
  requiredRole: 'admin',
  ownerless: true,
  timeoutSeconds: 6 * 3600,
  limits: { global: 1 },
  repeats: 'Nothing: what was removed or archived is not looked at again.',
});

/**
 * Runs every retention task of this build, and says exactly what each removed (C41). One that fails keeps none of the
 * others back; the job is tried again then.
 */
@Injectable()
@HandlesJob(cleanup)
export class CleanupJob extends JobHandler<Payload> {
  constructor(
    private readonly tasks: RetentionTasks,
    private readonly archiver: Archiver,
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {
    super();
  }

  override async run(context: JobContext, { dryRun }: Payload): Promise<object> {
    const { signal } = context;
    const log = context.log.bind(context);
    const reports: Record<string, RetentionReport> = {};
    const failures: unknown[] = [];
    for (const task of this.tasks.all()) {
      const { name } = task;
      signal.throwIfAborted();
      try {
        const report = await task.run({ dryRun, signal });
        reports[name] = report;
        log('info', `${name}: ${report.removed} rows ${dryRun ? 'would go' : 'removed'}`, { ...report });
        for (const reason of report.postponed) log('warning', `Postponed: ${reason}.`);
      } catch (error) {
        signal.throwIfAborted();
        failures.push(error);
        log('error', `${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const orphans = dryRun ? 0 : await this.archiver.sweep(signal);
    if (orphans > 0) log('info', `Removed ${orphans} files that no archive names.`);
    if (!dryRun) await this.record(context, reports);
    if (failures.length > 0) throw failures[0];
    return { dryRun, ...reports };
  }

  private async record(
    { actor, jobId }: JobContext,
    reports: Record<string, RetentionReport>,
  ): Promise<void> {
    const details = Object.fromEntries(
      Object.entries(reports).map(([name, { removed, archived }]) => [name, { removed, archived }]),
    );
    await this.database.system('retention').tx((tx) =>
      this.audit.record(tx, {
        actor,
        action: 'retention.cleanup',
        resource: { type: 'job', id: jobId },
        details,
      }),
    );
  }
}

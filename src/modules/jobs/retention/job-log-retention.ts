import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../../kernel/config/index.js';
import { Database, older, type Age, type DatabaseScope, type Month } from '../../../kernel/database/index.js';
import {
  emptyReport,
  Months,
  RetentionTasks,
  type OpenReport,
  type RetentionContext,
  type RetentionReport,
} from '../../../kernel/retention/index.js';
import { toJobLogView } from '../job.view.js';
import type { ArchiveLine } from './archive-files.js';
import { Archiver } from './archiver.js';
import { OldJobsRepository, type IdRange } from './old-jobs.repository.js';
import { everyPageOf, walk } from './walk.js';

const PAGE = 500;
const BATCH = 5_000;

/**
 * Old lines go (S1-21, C7): whole months with their partition, and of the month that the limit lies in the days
 * before it, in batches. Where lines are archived, before.
 */
@Injectable()
export class JobLogRetention implements OnModuleInit {
  private readonly scope: DatabaseScope;

  constructor(
    private readonly settings: Settings,
    database: Database,
    private readonly jobs: OldJobsRepository,
    private readonly archiver: Archiver,
    private readonly months: Months,
    private readonly tasks: RetentionTasks,
  ) {
    this.scope = database.system('retention');
  }

  onModuleInit(): void {
    this.tasks.register({ name: 'job-logs', run: (context) => this.run(context) });
  }

  private async run({ dryRun, signal }: RetentionContext): Promise<RetentionReport> {
    const report = emptyReport();
    if (this.settings.jobLogDays === 0) return report;
    const before = await this.months.daysAgo(this.settings.jobLogDays);
    for (const month of await this.months.list('job_logs')) {
      signal.throwIfAborted();
      const ranges = older(month, before);
      if (ranges.length === 0) continue;
      if (dryRun)
        for (const range of ranges)
          report.removed += await this.jobs.countLines(this.scope.read, range, before.at);
      else await this.empty(month, before, signal, report);
    }
    return report;
  }

  private async empty(month: Month, before: Age, signal: AbortSignal, report: OpenReport): Promise<void> {
    const ranges = older(month, before);
    for (const { id, endedBefore } of await this.archiver.unfinished('job-logs', month.name)) {
      report.removed += await this.removeRows(ranges, endedBefore, signal);
      await this.archiver.finish(id);
    }
    const archive = await this.archive(month, ranges, before.at, signal);
    report.archived += archive?.rows ?? 0;
    if (month.until !== null && month.until <= before.at) {
      let rows = 0;
      for (const [from, below] of month.ranges)
        rows += await this.jobs.countLines(this.scope.read, [from, below], before.at);
      const outcome = await this.months.drop('job_logs', month, signal);
      if (outcome === 'held') {
        report.postponed.push(`job logs of ${month.name}: the table is in use`);
        return;
      }
      if (outcome === 'dropped') {
        report.removed += rows;
        report.dropped.push(`job_logs ${month.name}`);
      }
    } else report.removed += await this.removeRows(ranges, before.at, signal);
    if (archive) await this.archiver.finish(archive.id);
  }

  private async archive(month: Month, ranges: readonly IdRange[], before: Date, signal: AbortSignal) {
    if (!this.settings.archiveJobLogs) return null;
    const lines = () => this.linesOf(ranges, before);
    return this.archiver.archive(
      { kind: 'job-logs', period: month.name, endedBefore: before, lines },
      signal,
    );
  }

  private async *linesOf(ranges: readonly IdRange[], before: Date): AsyncGenerator<ArchiveLine> {
    const page = (range: IdRange, limit: number) => this.jobs.lines(this.scope.read, range, before, limit);
    for await (const lines of everyPageOf(ranges, PAGE, page))
      for (const line of lines) yield { ...toJobLogView(line), jobId: line.jobId, userId: line.userId };
  }

  private async removeRows(ranges: readonly IdRange[], before: Date, signal: AbortSignal): Promise<number> {
    let removed = 0;
    await walk(ranges, signal, async (range) => {
      const step = await this.scope.tx((tx) => this.jobs.removeLines(tx, range, before, BATCH));
      removed += step.removed;
      return step.last;
    });
    return removed;
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../../kernel/config/index.js';
import { Database, type Age, type DatabaseScope, type Month } from '../../../kernel/database/index.js';
import {
  emptyReport,
  Months,
  RetentionTasks,
  type OpenReport,
  type RetentionContext,
  type RetentionReport,
} from '../../../kernel/retention/index.js';
import { toJobLogView, toJobView } from '../job.view.js';
import type { ArchiveLine } from './archive-files.js';
import { Archiver } from './archiver.js';
import { OldJobsRepository } from './old-jobs.repository.js';
import { everyPageOf, walk } from './walk.js';

/** Jobs in memory while they are archived: each may have 256 kB of payload. */
const PAGE = 100;
const LINES_PAGE = 200;
const LOOK = 10_000;
const BATCH = 500;
const LINES_BATCH = 5_000;

/** What became of the rows: dropped with their partition, removed one by one, or left because the table is in use. */
interface Removal {
  readonly removed: number;
  readonly how: 'dropped' | 'rows' | 'held';
}

/**
 * Old jobs go by the month of their making, once all of it is older than the limit: archived first, then dropped with
 * their partition. A month in which a job is still open, or ended only lately, keeps its partition; the others are
 * removed from it row by row, and what stays is looked at again every day.
 *
 * What is removed is what ended before the moment that the archive names. Ended jobs do not change, except that one
 * may be retried; then it is open and stays.
 */
@Injectable()
export class JobRetention implements OnModuleInit {
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
    this.tasks.register({ name: 'jobs', run: (context) => this.run(context) });
  }

  private async run(context: RetentionContext): Promise<RetentionReport> {
    const report = emptyReport();
    const { jobDays } = this.settings;
    const before = jobDays === 0 ? null : await this.months.daysAgo(jobDays);
    for (const month of await this.months.list('jobs')) {
      const isOld = before !== null && (month.until === null || month.until <= before.at);
      if (!isOld) {
        // Closed when the limit was another one.
        if (month.closed && !context.dryRun) await this.months.reopen(month, context.signal);
      } else if (context.dryRun) report.removed += await this.count(month, before, context.signal);
      else await this.empty(month, before, context, report);
    }
    return report;
  }

  /** Archives and removes what is old of a month; what an earlier run has archived first. */
  private async empty(
    month: Month,
    before: Age,
    { signal }: RetentionContext,
    report: OpenReport,
  ): Promise<void> {
    for (let isLast = false; !isLast;) {
      const [unfinished] = await this.archiver.unfinished('jobs', month.name);
      isLast = unfinished === undefined;
      const archive = unfinished ?? (await this.archive(month, before, signal));
      if (isLast) report.archived += archive?.rows ?? 0;
      const removal = await this.remove(month, archive?.endedBefore ?? before.at, signal);
      report.removed += removal.removed;
      if (removal.how === 'held') {
        report.postponed.push(`jobs of ${month.name}: the table is in use`);
        return;
      }
      if (archive) await this.archiver.finish(archive.id);
      if (removal.how === 'dropped') {
        report.dropped.push(`jobs ${month.name}`);
        return;
      }
    }
  }

  private async archive(month: Month, before: Age, signal: AbortSignal) {
    if (!this.settings.archiveJobs) return null;
    return this.archiver.archive(
      {
        kind: 'jobs',
        period: month.name,
        endedBefore: before.at,
        lines: () => this.linesOf(month, before.at),
      },
      signal,
    );
  }

  /** As `GET /api/jobs/:id` shows them, with the lines they still have where lines are archived. */
  private async *linesOf(month: Month, before: Date): AsyncGenerator<ArchiveLine> {
    const page = (range: readonly [string, string], limit: number) =>
      this.jobs.page(this.scope.read, range, before, limit);
    for await (const jobs of everyPageOf(month.ranges, PAGE, page)) {
      const ids = jobs.map(({ id }) => id);
      const withLines = this.settings.archiveJobLogs ? await this.jobs.withLines(this.scope.read, ids) : null;
      for (const job of jobs) {
        const view = toJobView(job);
        yield withLines?.has(job.id) === true ? { ...view, logs: await this.logsOf(job.id) } : view;
      }
    }
  }

  private async logsOf(jobId: string): Promise<object[]> {
    const logs: object[] = [];
    const page = ([from]: readonly [string, string], limit: number) =>
      this.jobs.linesOfJob(this.scope.read, jobId, from, limit);
    const everything = ['00000000-0000-0000-0000-000000000000', ''] as const;
    for await (const lines of everyPageOf([everything], LINES_PAGE, page))
      logs.push(...lines.map(toJobLogView));
    return logs;
  }

  private async remove(month: Month, before: Date, signal: AbortSignal): Promise<Removal> {
    if (month.until !== null) {
      const dropped = await this.drop(month, before, signal);
      if (dropped !== null) return dropped;
    }
    let removed = 0;
    await walk(month.ranges, signal, async (range) => {
      const step = await this.scope.tx((tx) => this.jobs.removeJobs(tx, range, before, BATCH));
      removed += step.removed;
      return step.last;
    });
    return { removed, how: 'rows' };
  }

  /**
   * Drops the month with all that is in it; null when something in it has to stay. The month is closed before it is
   * looked at for the last time, so that what was seen is still so when it is dropped.
   */
  private async drop(month: Month, before: Date, signal: AbortSignal): Promise<Removal | null> {
    if ((await this.look(month, before, signal)) === null) {
      if (month.closed) await this.months.reopen(month, signal);
      return null;
    }
    const closed = await this.months.close(month, signal);
    if (closed === null) return { removed: 0, how: 'held' };
    if (!closed) return null;
    const rows = await this.look(month, before, signal);
    if (rows === null) {
      await this.months.reopen(month, signal);
      return null;
    }
    await this.removeLines(month, signal);
    const outcome = await this.months.drop('jobs', month, signal);
    return { removed: outcome === 'dropped' ? rows : 0, how: outcome === 'held' ? 'held' : 'dropped' };
  }

  /** How many jobs a month has when all of them are old; null otherwise. */
  private async look(month: Month, before: Date, signal: AbortSignal): Promise<number | null> {
    let rows = 0;
    let isOld = true;
    await walk(month.ranges, signal, async (range) => {
      const seen = await this.jobs.look(this.scope.read, range, before, LOOK);
      rows += seen.old;
      if (seen.young) isOld = false;
      return isOld ? seen.last : null;
    });
    return isOld ? rows : null;
  }

  private async removeLines({ ranges }: Month, signal: AbortSignal): Promise<void> {
    for (const range of ranges)
      for (let removed = LINES_BATCH; removed > 0;) {
        signal.throwIfAborted();
        removed = await this.scope.tx((tx) => this.jobs.removeLinesOfJobs(tx, range, LINES_BATCH));
      }
  }

  private async count(month: Month, before: Age, signal: AbortSignal): Promise<number> {
    let rows = 0;
    await walk(month.ranges, signal, async (range) => {
      const seen = await this.jobs.look(this.scope.read, range, before.at, LOOK);
      rows += seen.old;
      return seen.last;
    });
    return rows;
  }
}

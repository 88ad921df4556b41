import { Injectable, type OnModuleInit } from '@nestjs/common';
import { BEFORE_ALL, Database, everyPage, everyRow, type Tx } from '../../kernel/database/index.js';
import { Hub } from '../../kernel/realtime/index.js';
import { AccountHooks, type PersonalRecords } from '../users/index.js';
import { JOB_CANCEL_TOPIC } from './engine/job-worker.js';
import { toJobLogView, toJobView } from './job.view.js';
import { JobsAccountRepository } from './jobs-account.repository.js';

/** Few: what one page of lines is sorted from. */
const JOBS_AT_ONCE = 50;
const LINES_AT_ONCE = 1_000;

/**
 * Jobs of people who leave or ask for their data. What waits or has ended is removed with its logs; what runs is
 * told to stop and removed once it has, also when its worker dies: the reconciler ends it then, as it is marked.
 */
@Injectable()
export class JobsAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly jobs: JobsAccountRepository,
    private readonly hub: Hub,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'jobs',
      erased: async (tx, userId) => void (await this.remove(tx, userId)),
      swept: (tx, userId) => this.remove(tx, userId),
      exported: (userId) => this.records(userId),
    });
  }

  /** Whether there was nothing to do: one that has just ended has left an event, which is for the next time. */
  private async remove(tx: Tx, userId: string): Promise<boolean> {
    const { removed, running } = await this.jobs.removeAll(tx, userId);
    tx.afterCommit(() => {
      for (const jobId of running) this.hub.publish(JOB_CANCEL_TOPIC, { jobId });
    });
    return removed + running.length === 0;
  }

  private *records(userId: string): Iterable<PersonalRecords> {
    yield { name: 'jobs', rows: this.everyJob(userId) };
    yield { name: 'job-logs', rows: this.everyLine(userId) };
  }

  private async *everyJob(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const job of everyRow((after, limit) => this.jobs.after(read, userId, after, limit)))
      yield toJobView(job);
  }

  /** Job by job, each in the order of its lines. */
  private async *everyLine(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    const pages = everyPage(JOBS_AT_ONCE, (after, limit) => this.jobs.idsAfter(read, userId, after, limit));
    for await (const jobs of pages) {
      const ids = jobs.map(({ id }) => id);
      let last = { jobId: BEFORE_ALL, id: BEFORE_ALL };
      for (let full = true; full;) {
        const lines = await this.jobs.logsAfter(read, ids, last, LINES_AT_ONCE);
        for (const line of lines) yield { jobId: line.jobId, ...toJobLogView(line) };
        last = lines.at(-1) ?? last;
        full = lines.length === LINES_AT_ONCE;
      }
    }
  }
}

import { Injectable } from '@nestjs/common';
import type { Tx } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import type { EndedJob } from './job-moves.repository.js';

/** What there is to count of it. */
export type CountedJob = Pick<EndedJob, 'queue' | 'type' | 'status' | 'errorCode' | 'waitedMs' | 'ranMs'>;

/** Called with jobs whose attempt, or whose whole life, has just ended: for counting, never for anything that must happen. */
export type EndedJobsObserver = (jobs: readonly CountedJob[]) => void;

/**
 * Tells observers in this process about the ends that this process has committed. An end is told at most once, and
 * not at all when the process dies between the commit and the call. Observers are called while the settler waits, so
 * they only count; what they throw is logged and harms nobody.
 */
@Injectable()
export class EndedJobs {
  private readonly observers: EndedJobsObserver[] = [];
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log.area('ended jobs');
  }

  observe(observer: EndedJobsObserver): void {
    this.observers.push(observer);
  }

  tellAfter(tx: Tx, jobs: readonly CountedJob[]): void {
    if (jobs.length > 0) tx.afterCommit(() => this.tell(jobs));
  }

  /** Of ends that are committed. */
  tell(jobs: readonly CountedJob[]): void {
    for (const observer of this.observers) this.guarded(() => observer(jobs));
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.error({ err: error }, 'an observer threw');
    }
  }
}

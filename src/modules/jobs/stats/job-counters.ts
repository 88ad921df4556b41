import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database, newId } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { EndedJobs, type CountedJob } from '../engine/ended-jobs.js';
import { hasEnded, type JobStatus } from '../engine/job-status.js';
import { Histogram } from './histogram.js';
import { JobMinutesRepository, type Tally } from './job-minutes.repository.js';

/**
 * Counts the ends of this process in memory and adds them to `job_minutes` every 10 s and at shutdown: one statement,
 * to rows of its own. A process that is killed loses what it counted since, at most 10 s; jobs themselves lose nothing.
 * While the database is away it keeps counting, a number for each kind and no more.
 */
@Injectable()
export class JobCounters implements OnModuleInit, BeforeApplicationShutdown {
  private readonly processId = newId();
  private readonly flight: SingleFlight;
  private tallies = new Map<string, OpenTally>();
  private closing = false;

  constructor(
    private readonly database: Database,
    private readonly minutes: JobMinutesRepository,
    private readonly ended: EndedJobs,
    log: Log,
  ) {
    this.flight = new SingleFlight(
      () => this.flush(),
      (error) =>
        log.area('job counters').warn({ err: error }, 'counters could not be written, it is tried again'),
    );
  }

  onModuleInit(): void {
    this.ended.observe((jobs) => this.count(jobs));
  }

  /** Handlers may end until the very last, so from now on each end is written at once. */
  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    await this.settle();
  }

  @Interval(10_000)
  tick(): void {
    this.flight.trigger();
  }

  /** Writes what was counted so far. */
  async settle(): Promise<void> {
    await this.flight.settle();
  }

  private count(jobs: readonly CountedJob[]): void {
    for (const { queue, type, status, errorCode, waitedMs, ranMs } of jobs) {
      const outcome = hasEnded(status as JobStatus) ? status : 'again';
      const tally = this.tallyOf(queue, type, outcome, errorCode ?? '');
      tally.jobs += 1;
      if (waitedMs !== null) tally.waited.add(waitedMs);
      if (ranMs !== null) tally.ran.add(ranMs);
    }
    if (this.closing) this.flight.trigger();
  }

  private tallyOf(queue: string, type: string, outcome: string, errorCode: string): OpenTally {
    const key = `${queue} ${type} ${outcome} ${errorCode}`;
    let tally = this.tallies.get(key);
    if (!tally) {
      tally = { queue, type, outcome, errorCode, jobs: 0, waited: new Histogram(), ran: new Histogram() };
      this.tallies.set(key, tally);
    }
    return tally;
  }

  private async flush(): Promise<void> {
    if (this.tallies.size === 0) return;
    const counted = [...this.tallies.values()];
    this.tallies = new Map();
    try {
      await this.database.system('job counters').tx((tx) => this.minutes.add(tx, this.processId, counted));
    } catch (error) {
      for (const { queue, type, outcome, errorCode, jobs, waited, ran } of counted) {
        const tally = this.tallyOf(queue, type, outcome, errorCode);
        tally.jobs += jobs;
        tally.waited.join(waited);
        tally.ran.join(ran);
      }
      throw error;
    }
  }
}

interface OpenTally extends Tally {
  jobs: number;
  readonly waited: Histogram;
  readonly ran: Histogram;
}

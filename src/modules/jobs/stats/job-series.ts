import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type DatabaseScope } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { QUEUE_NAMES } from '../../../kernel/queue/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobDepthsRepository } from './job-depths.repository.js';
import { JobMinutesRepository } from './job-minutes.repository.js';

/** Minutes become hours after this. */
const MINUTES_FOR_HOURS = 3;
const KEPT_DAYS = 90;

/**
 * The time series of jobs in PostgreSQL (S1-43): writes the depth of each queue once a minute, less often where
 * counting would take more than a hundredth of the time, and keeps the minutes of all processes small. One process at
 * a time does either; which one does not matter.
 */
@Injectable()
export class JobSeries implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly scope: DatabaseScope;
  private readonly sampling: SingleFlight;
  private readonly tidying: SingleFlight;

  constructor(
    private readonly settings: Settings,
    database: Database,
    private readonly depths: JobDepthsRepository,
    private readonly minutes: JobMinutesRepository,
    log: Log,
  ) {
    this.scope = database.system('job series');
    const failed = (error: unknown): void =>
      log.area('job series').warn({ err: error }, 'the time series could not be written, it is tried again');
    this.sampling = SingleFlight.held(() => this.sample(), failed);
    this.tidying = SingleFlight.held(() => this.tidy(), failed);
  }

  onApplicationBootstrap(): void {
    if (!serves(this.settings, 'worker', 'scheduler')) return;
    this.sampling.begin();
    this.tidying.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.sampling.stop(), this.tidying.stop()]);
  }

  @Interval(15_000)
  tick(): void {
    this.sampling.trigger();
  }

  @Interval(600_000)
  tidyTick(): void {
    this.tidying.trigger();
  }

  async sample(): Promise<void> {
    await this.scope.tx(async (tx) => {
      if ((await this.depths.lock(tx)) && (await this.depths.isTime(tx)))
        await this.depths.sample(tx, QUEUE_NAMES);
    });
  }

  async tidy(): Promise<void> {
    await this.scope.tx(async (tx) => {
      if (!(await this.minutes.lock(tx))) return;
      await this.minutes.makeHours(tx, MINUTES_FOR_HOURS);
      await this.minutes.removeOlderThan(tx, KEPT_DAYS);
    });
  }
}

import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type DatabaseScope, type Tx } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobKeysRepository } from '../unique/job-keys.repository.js';
import { LimitedDispatchRepository } from './limited-dispatch.repository.js';

/** Rows one transaction removes. */
const BATCH = 1_000;

/**
 * Removes what says nothing any more: keys of jobs that have ended, rates under which nothing was started lately.
 * Nothing waits for it, and any number of processes may do it.
 */
@Injectable()
export class LimitsSweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly scope: DatabaseScope;
  private readonly flight: SingleFlight;

  constructor(
    private readonly settings: Settings,
    database: Database,
    private readonly keys: JobKeysRepository,
    private readonly limits: LimitedDispatchRepository,
    log: Log,
  ) {
    this.log = log.area('limits');
    this.scope = database.system('job limits sweep');
    this.flight = SingleFlight.held(
      () => this.sweep(),
      (error) => this.log.warn({ err: error }, 'sweeping failed, it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    if (serves(this.settings, 'scheduler')) this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(300_000)
  tick(): void {
    this.flight.trigger();
  }

  async sweep(): Promise<void> {
    await this.batches((tx) => this.keys.forgetStale(tx, BATCH));
    await this.batches((tx) => this.limits.forgetRates(tx, BATCH));
  }

  private async batches(work: (tx: Tx) => Promise<number>): Promise<void> {
    while ((await this.scope.tx(work)) === BATCH);
  }
}

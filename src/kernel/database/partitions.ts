import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Log } from '../log/index.js';
import { SingleFlight } from '../time/index.js';
import { Database } from './database.js';
import { PartitionsRepository } from './partitions.repository.js';

const EVERY_MS = 6 * 3_600_000;

/**
 * Keeps the monthly partitions three months ahead of the clock, in every process: at start before anything else
 * writes, and every 6 hours. Without it rows of a month without a partition gather in the default one, where
 * retention cannot drop them and from where they keep that month's partition from being made.
 *
 * A failure is logged as an error and tried again 6 hours later; there are months until it does harm.
 */
@Injectable()
export class Partitions implements OnModuleInit, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly partitions: PartitionsRepository,
    log: Log,
  ) {
    this.log = log.area('partitions');
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) => this.log.error({ err: error }, 'monthly partitions could not be made'),
    );
  }

  async onModuleInit(): Promise<void> {
    await this.flight.settle();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    const made = await this.database
      .system('monthly partitions')
      .tx((tx) => this.partitions.ensureMonths(tx));
    if (made.length > 0) this.log.info({ partitions: made }, 'made monthly partitions');
  }
}

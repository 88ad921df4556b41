import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '../database/index.js';
import { Log } from '../log/index.js';
import { SingleFlight } from '../time/index.js';
import { IdempotencyRepository } from './idempotency.repository.js';

const EVERY_MS = 3_600_000;

/**
 * Removes idempotency keys whose 24 hours are over, once an hour in every process. They no longer count as soon as
 * they are that old; without this their answers would stay stored for ever.
 */
@Injectable()
export class IdempotencyExpiry implements BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly keys: IdempotencyRepository,
    log: Log,
  ) {
    this.log = log.area('idempotency');
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'expired keys could not be removed, it is tried again'),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    const removed = await this.keys.removeExpired(this.database.system('idempotency expiry').read);
    if (removed > 0) this.log.info({ keys: removed }, 'removed expired idempotency keys');
  }
}

import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '../../kernel/database/index.js';
import { Log } from '../../kernel/log/index.js';
import { SingleFlight } from '../../kernel/time/index.js';
import { ApiKeysRepository } from './api-keys/api-keys.repository.js';
import { TicketsRepository } from './tickets/tickets.repository.js';

const EVERY_MS = 600_000;

/**
 * Removes tickets nobody has used and keys that ended long ago, every ten minutes in every process. They count for
 * nothing as soon as they have ended; without this they would stay stored for ever.
 */
@Injectable()
export class EndedCredentials implements BeforeApplicationShutdown {
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly keys: ApiKeysRepository,
    private readonly tickets: TicketsRepository,
    log: Log,
  ) {
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) =>
        log
          .area('auth')
          .warn({ err: error }, 'ended keys and tickets could not be removed, it is tried again'),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  /** One pass now: for callers that need the effect, such as tests. */
  async settle(): Promise<void> {
    await this.flight.settle();
  }

  private async pass(): Promise<void> {
    await this.database.system('ended credentials').tx(async (tx) => {
      await this.tickets.removeExpired(tx);
      await this.keys.removeLongEnded(tx);
    });
  }
}

import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { SessionsRepository } from './sessions.repository.js';

const EVERY_MS = 3_600_000;
const KEPT_DAYS = 30;
const BATCH = 1_000;

/**
 * Removes sessions 30 days after their end, once an hour in every process (S1-9). Until then a refresh token of
 * theirs is answered `session_ended` and not `refresh_invalid`, and what the audit trail says about them can be
 * looked up. In batches: processes that sweep at the same moment take different ones.
 */
@Injectable()
export class EndedSessions implements BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly sessions: SessionsRepository,
    log: Log,
  ) {
    this.log = log.area('sessions');
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'ended sessions could not be removed, it is tried again'),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  /** Removes all there are now and waits for it. */
  async sweep(): Promise<void> {
    await this.flight.settle();
  }

  private async pass(): Promise<void> {
    const scope = this.database.system('session sweep');
    let total = 0;
    let removed: number;
    do {
      removed = await scope.tx((tx) => this.sessions.removeEnded(tx, KEPT_DAYS, BATCH));
      total += removed;
    } while (removed === BATCH);
    if (total > 0) this.log.info({ sessions: total }, 'removed sessions that ended long ago');
  }
}

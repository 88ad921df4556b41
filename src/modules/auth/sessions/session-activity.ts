import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { SessionsRepository } from './sessions.repository.js';

const EVERY_MS = 60_000;
const BATCH = 5_000;
/** A process serves fewer in a minute; the bound is for the memory of one whose database is away. */
const MAX_NOTED = 100_000;

/**
 * When each session was last used, to about a minute: written in one go for all that were used since, never on the
 * way of a request. A process that is killed loses at most its last minute; refreshing stamps exactly.
 */
@Injectable()
export class SessionActivity implements BeforeApplicationShutdown {
  private used = new Set<string>();
  private readonly log: Log;
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly sessions: SessionsRepository,
    log: Log,
  ) {
    this.log = log.area('sessions');
    this.flight = new SingleFlight(
      () => this.write(),
      (error) => this.log.warn({ err: error }, 'the use of some sessions was not noted'),
    );
  }

  note(sessionId: string): void {
    if (this.used.size < MAX_NOTED) this.used.add(sessionId);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flush();
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    if (this.used.size > 0) this.flight.trigger();
  }

  /** Writes what was noted and waits for it. Never rejects. */
  async flush(): Promise<void> {
    if (this.used.size > 0) await this.flight.settle();
  }

  private async write(): Promise<void> {
    const ids = [...this.used];
    this.used = new Set();
    const scope = this.database.system('session activity');
    for (let at = 0; at < ids.length; at += BATCH)
      await scope.tx((tx) => this.sessions.touch(tx, ids.slice(at, at + BATCH)));
  }
}

import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { RemoteChecks } from './remote-checks.js';

const EVERY_MS = 15_000;
/** Keeps workers that were started together from asking in the same moment. */
const JITTER_MS = 1_000;

/**
 * Looks every 15 seconds which used remotes are due for a check, in every process with the worker role. Leaderless:
 * claims in the rows share the work out. A process without that role only says what it has worked with.
 */
@Injectable()
export class CheckSweep implements BeforeApplicationShutdown {
  private readonly flight: SingleFlight;
  private readonly stopping = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly checks: RemoteChecks,
    log: Log,
  ) {
    const remotes = log.area('remotes');
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) => remotes.warn({ err: error }, 'remotes could not be checked, it is tried again'),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    const { signal } = this.stopping;
    // A shutdown does not wait for it.
    await sleep(Math.random() * JITTER_MS, undefined, { signal }).catch(() => undefined);
    await this.checks.saveUsed();
    if (serves(this.settings, 'worker')) await this.checks.checkDue(() => signal.aborted);
  }
}

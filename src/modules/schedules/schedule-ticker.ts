import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { Settings, serves } from '../../kernel/config/index.js';
import { Log } from '../../kernel/log/index.js';
import { SingleFlight } from '../../kernel/time/index.js';
import { SlotMaterialiser } from './slot-materialiser.js';

/** Keeps schedulers that were started together from asking for the same rules in the same moment. */
const JITTER_MS = 50;

/**
 * Looks for due rules once a second in every process with the scheduler role. Leaderless: any number may run. A
 * tick that fails is logged and tried again at the next; nothing is lost, because the cursors are in the rows.
 */
@Injectable()
export class ScheduleTicker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly flight: SingleFlight;

  constructor(
    private readonly settings: Settings,
    private readonly materialiser: SlotMaterialiser,
    log: Log,
  ) {
    const scheduler = log.area('scheduler');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) => scheduler.warn({ err: error }, 'a tick failed, it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    if (serves(this.settings, 'scheduler')) this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(1_000)
  tick(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    await sleep(Math.random() * JITTER_MS);
    let more = true;
    while (more && this.flight.isOpen) more = await this.materialiser.batch();
  }
}

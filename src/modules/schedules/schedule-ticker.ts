import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { Settings, serves } from '../../kernel/config/index.js';
import { Log } from '../../kernel/log/index.js';
import { SingleFlight } from '../../kernel/time/index.js';
import { SlotMaterialiser } from './slot-materialiser.js';
import { TICK_MS, pauseUntil } from './tick-pause.js';
import { ScheduleMetrics } from './watch/schedule-metrics.js';
import { SchedulerBeat } from './watch/scheduler-beat.js';

/** Keeps schedulers that were started together from asking for the same rules in the same moment. */
const JITTER_MS = 50;

/**
 * Looks for due rules once a second, and when the next one is due before that, in every process with the scheduler
 * role. Leaderless: any number may run. A tick that fails is logged and tried again at the next; nothing is lost,
 * because the cursors are in the rows. It says that it has looked (`SchedulerBeat`); `SchedulerWatch` tells when nobody
 * does.
 */
@Injectable()
export class ScheduleTicker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly flight: SingleFlight;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly materialiser: SlotMaterialiser,
    private readonly beats: SchedulerBeat,
    private readonly metrics: ScheduleMetrics,
    log: Log,
  ) {
    const scheduler = log.area('scheduler');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) => scheduler.warn({ err: error }, 'a tick failed, it is tried again'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!serves(this.settings, 'scheduler')) return;
    await this.beats.beat();
    this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    await this.flight.stop();
    clearTimeout(this.timer);
  }

  @Interval(TICK_MS)
  tick(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    await sleep(Math.random() * JITTER_MS);
    const began = performance.now();
    const before = await this.materialiser.nextDue();
    const isDue = before !== null && before.wait <= 0;
    for (let more = isDue; more && this.flight.isOpen;) {
      more = await this.materialiser.batch();
      // After each batch: one that catches up on a week is at work, not silent.
      await this.beats.beat();
    }
    const after = isDue ? await this.materialiser.nextDue() : before;
    await this.beats.beat();
    this.metrics.ticked(performance.now() - began);
    this.wakeIn(pauseUntil(before, after));
  }

  private wakeIn(pause: number | null): void {
    clearTimeout(this.timer);
    if (pause === null) return;
    this.timer = setTimeout(() => this.flight.trigger(), pause);
    this.timer.unref();
  }
}

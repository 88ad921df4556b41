import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { Settings, serves } from '../../../kernel/config/index.js';
import { databaseNow, Database, type DatabaseScope } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { HintQueue, HintStore, QUEUE_NAMES } from '../../../kernel/queue/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { Dispatcher } from './dispatcher.js';
import { EngineMetrics } from './engine-metrics.js';
import { RareLook } from './rare-look.js';
import { RescueRepository, type QueueReach } from './rescue.repository.js';

/**
 * A queued job is looked at only after this time: by then its hint has been taken or waits in a long line. Short,
 * because a worker that dies between taking a hint and claiming its jobs leaves them like this, and they are to run
 * again as soon as others of dead workers. One that comes back too early loses nothing: its hint claims no job then.
 */
const HINT_PATIENCE_SECONDS = 10;
/** Between two looks at every queued job. */
const FULL_LOOK_MS = 5_000;

/** Jobs sent back in one transaction after the store has lost everything, and how long such a batch lasts at least. */
const BATCH = 500;
const BATCH_MS = 100;
/** Below every id. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Finds queued jobs whose hint is gone and makes them pending again. Single ones, lost in a crash between commit and
 * hint, are found by their age. When the store has lost everything at once, which it is asked about with each tick,
 * nobody waits for that: what was dispatched before goes back at about 5,000 jobs a second, so that neither the
 * database nor the dispatchers are flooded.
 *
 * Any number of processes may run it: every find is a guarded move, and a hint that was not lost after all names an
 * older dispatch and claims nothing.
 */
@Injectable()
export class LostHints implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;
  private readonly scope: DatabaseScope;
  private readonly fullLook = new RareLook(FULL_LOOK_MS);
  /** Since when the store holds its hints, where everything older has been seen to. */
  private seenTo: number | null = null;
  private troubled = false;

  constructor(
    private readonly settings: Settings,
    database: Database,
    private readonly rescues: RescueRepository,
    private readonly hints: HintQueue,
    private readonly store: HintStore,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: EngineMetrics,
    log: Log,
  ) {
    this.log = log.area('reconciler');
    this.scope = database.system('job rescue');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) => {
        // One line per outage: the store may be away for hours.
        if (!this.troubled)
          this.log.warn({ err: error }, 'looking for lost queue messages failed, it is tried again');
        this.troubled = true;
      },
    );
  }

  onApplicationBootstrap(): void {
    if (serves(this.settings, 'worker', 'scheduler')) this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(2_500)
  tick(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    const since = await this.store.holdsSince(() => databaseNow(this.scope.read));
    if (since !== null && since.getTime() !== this.seenTo) {
      await this.sendBack(since);
      if (this.flight.isOpen) this.seenTo = since.getTime();
    }
    if (this.fullLook.due()) await this.findSingle();
    this.troubled = false;
  }

  private async sendBack(since: Date): Promise<void> {
    let total = 0;
    for (let after = FIRST_ID; this.flight.isOpen;) {
      const pause = sleep(BATCH_MS);
      const sent = await this.scope.tx((tx) => this.rescues.sendBack(tx, since, after, BATCH));
      total += sent?.jobs ?? 0;
      if (sent?.jobs) {
        this.metrics.found('redispatched', sent.jobs);
        this.dispatcher.wake();
      }
      if (sent && sent.last === null) break;
      after = sent?.last ?? after;
      await pause;
    }
    if (total > 0)
      this.log.warn(
        { jobs: total, since },
        'the queue lost all its messages, their jobs wait for dispatch again',
      );
  }

  /** Hints are taken in their order, so a job dispatched well before the oldest waiting one has no hint any more. */
  private async findSingle(): Promise<void> {
    const began = performance.now();
    const reaches: QueueReach[] = [];
    for (const queue of QUEUE_NAMES) {
      const { oldestDispatchedAt: oldest } = await this.hints.waiting(queue);
      const before = oldest === null ? null : new Date(oldest - HINT_PATIENCE_SECONDS * 1000);
      reaches.push({ queue, before });
    }
    const jobs = await this.scope.tx((tx) => this.rescues.requeueLost(tx, reaches, HINT_PATIENCE_SECONDS));
    this.fullLook.done(began);
    if (jobs === 0) return;
    this.metrics.found('hint_lost', jobs);
    this.log.warn({ jobs }, 'queue messages were lost, their jobs wait for dispatch again');
    this.dispatcher.wake();
  }
}

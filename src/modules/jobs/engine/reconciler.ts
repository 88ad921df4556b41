import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type DatabaseScope } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { HintQueue, QUEUE_NAMES, type QueueName } from '../../../kernel/queue/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { Dispatcher } from './dispatcher.js';
import { EngineMetrics } from './engine-metrics.js';
import { JobMovesRepository, WORKER_SILENCE_SECONDS } from './job-moves.repository.js';
import { Lookout } from './lookout.js';
import { Settler } from './settler.js';
import { WorkersRepository } from './workers.repository.js';

/** A queued job is looked at only after this time: by then its hint has been taken or waits in a long line. */
const HINT_PATIENCE_SECONDS = 30;

/**
 * Finds what a crash left behind: jobs of dead workers (they run again within 15 s of the death: the silence
 * limit plus one tick), and queued jobs whose hint got lost, for example with a wiped Redis.
 *
 * Any number of processes may run it: every find is a guarded move.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;
  private readonly lookout = new Lookout();
  private readonly scope: DatabaseScope;
  private started = false;

  constructor(
    private readonly settings: Settings,
    database: Database,
    private readonly moves: JobMovesRepository,
    private readonly workers: WorkersRepository,
    private readonly settler: Settler,
    private readonly hints: HintQueue,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: EngineMetrics,
    log: Log,
  ) {
    this.log = log.area('reconciler');
    this.scope = database.system('job rescue');
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'reconciling failed, it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    this.started = serves(this.settings, 'worker') || serves(this.settings, 'scheduler');
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.started = false;
    await this.flight.stop();
  }

  @Interval(2_500)
  tick(): void {
    if (this.started) this.flight.trigger();
  }

  private async pass(): Promise<void> {
    const now = await this.moves.now(this.scope.read);
    const rescued = this.lookout.look(now.getTime()) ? await this.rescue(now) : 0;
    let lost = 0;
    for (const queue of QUEUE_NAMES) lost += await this.requeueLost(queue);
    if (lost > 0)
      this.log.warn({ jobs: lost }, 'queue messages were lost, their jobs wait for dispatch again');
    this.metrics.found('rescued', rescued);
    this.metrics.found('hint_lost', lost);
    if (rescued + lost > 0) this.dispatcher.wake();
  }

  private async rescue(now: Date): Promise<number> {
    const jobs = await this.scope.tx(async (tx) => {
      const rescued = await this.moves.rescue(tx, now);
      await this.settler.recordEnds(tx, rescued);
      return rescued;
    });
    if (jobs.length > 0) this.log.warn({ jobs: jobs.length }, 'took jobs back from dead workers');
    await this.workers.forgetSilent(this.scope.read, 10 * WORKER_SILENCE_SECONDS);
    return jobs.length;
  }

  /** Hints are taken in their order, so a job dispatched well before the oldest waiting one has no hint any more. */
  private async requeueLost(queue: QueueName): Promise<number> {
    const { oldestDispatchedAt } = await this.hints.waiting(queue);
    const before =
      oldestDispatchedAt === null ? null : new Date(oldestDispatchedAt - HINT_PATIENCE_SECONDS * 1000);
    return this.scope.tx((tx) => this.moves.requeueLost(tx, queue, HINT_PATIENCE_SECONDS, before));
  }
}

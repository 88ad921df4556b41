import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database, type DatabaseScope } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { Dispatcher } from './dispatcher.js';
import { EngineMetrics } from './engine-metrics.js';
import { WORKER_SILENCE_SECONDS } from './job-moves.repository.js';
import { Lookout } from './lookout.js';
import { RareLook } from './rare-look.js';
import { RescueRepository } from './rescue.repository.js';
import { Settler } from './settler.js';
import { WorkersRepository } from './workers.repository.js';

/** Between two looks at every running job, for those whose worker nobody knows. */
const FULL_LOOK_MS = 10_000;

/**
 * Takes jobs back from dead workers: they run again within 15 s of the death, the silence limit plus one tick. It
 * asks the workers, who are few; the jobs in flight are looked at when one of them has fallen silent, after a time
 * in which nobody could be judged, and now and then for workers that are not known at all.
 *
 * Needs the database only, so that a queue that does not answer delays no rescue. Any number of processes may run
 * it: every find is a guarded move.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;
  private readonly lookout = new Lookout();
  private readonly fullLook = new RareLook(FULL_LOOK_MS);
  private readonly scope: DatabaseScope;
  /** Something may have happened that was not looked at: nobody could be judged, or the look failed. */
  private behind = true;

  constructor(
    private readonly settings: Settings,
    database: Database,
    private readonly rescues: RescueRepository,
    private readonly workers: WorkersRepository,
    private readonly settler: Settler,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: EngineMetrics,
    private readonly registry: JobRegistry,
    log: Log,
  ) {
    this.log = log.area('reconciler');
    this.scope = database.system('job rescue');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'looking for dead workers failed, it is tried again'),
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
    const { now, newlySilent } = await this.rescues.look(this.scope.read);
    const mayJudge = this.lookout.look(now.getTime());
    this.behind ||= newlySilent || !mayJudge;
    if (!mayJudge || !(this.behind || this.fullLook.due())) return;
    this.behind = true;
    const began = performance.now();
    await this.rescue(now);
    this.fullLook.done(began);
    this.behind = false;
  }

  private async rescue(now: Date): Promise<void> {
    const jobs = await this.scope.tx(async (tx) => {
      const rescued = await this.rescues.rescue(tx, now, this.registry.notRepeated());
      await this.settler.recordEnds(tx, rescued);
      return rescued;
    });
    await this.workers.forgetSilent(this.scope.read, 10 * WORKER_SILENCE_SECONDS);
    if (jobs.length === 0) return;
    this.metrics.found('rescued', jobs.length);
    this.log.warn({ jobs: jobs.length }, 'took jobs back from dead workers');
    this.dispatcher.wake();
  }
}

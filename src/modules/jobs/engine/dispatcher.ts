import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { HintQueue, QUEUES, QUEUE_NAMES, type Hint, type QueueName } from '../../../kernel/queue/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { DispatchRepository, type DispatchedJob } from './dispatch.repository.js';

/** Jobs one statement may dispatch. */
const BATCH = 500;

/**
 * Moves due jobs to the queue: rows first, hints after the commit. Leaderless: every process dispatches, and
 * SKIP LOCKED shares the rows out. Woken by a local commit, by a worker that made room, and twice a second for
 * what became due by time or was committed by a process that died.
 *
 * A crash between the commit and the hint leaves a queued row without a hint; the reconciler finds it.
 */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;
  private started = false;
  private readonly full = new Set<QueueName>();

  constructor(
    private readonly database: Database,
    private readonly repository: DispatchRepository,
    private readonly hints: HintQueue,
    private readonly registry: JobRegistry,
    log: Log,
  ) {
    this.log = log.area('dispatcher');
    this.flight = new SingleFlight(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'dispatching failed, it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    this.started = true;
    this.wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.started = false;
    await this.flight.stop();
  }

  /** Looks for due jobs as soon as the transaction has committed. */
  wakeAfter(tx: Tx): void {
    tx.afterCommit(() => this.wake());
  }

  wake(): void {
    if (this.started) this.flight.trigger();
  }

  /** A worker has taken a hint: worth a look only when the queue was full. */
  roomMade(queue: QueueName): void {
    if (this.full.has(queue)) this.wake();
  }

  @Interval(500)
  tick(): void {
    this.wake();
  }

  private async pass(): Promise<void> {
    await this.database.system('job dispatch').tx((tx) => this.repository.becomeDue(tx, BATCH));
    for (const queue of QUEUE_NAMES) await this.dispatch(queue);
  }

  private async dispatch(queue: QueueName): Promise<void> {
    const { count } = await this.hints.waiting(queue);
    let room = QUEUES[queue].waitingHints - count;
    while (room > 0) {
      const limit = Math.min(BATCH, room * this.largestHint(queue));
      const jobs = await this.database
        .system('job dispatch')
        .tx((tx) => this.repository.dispatchDue(tx, queue, limit));
      const hints = this.pack(jobs);
      await this.hints.add(queue, hints);
      if (jobs.length < limit) {
        this.full.delete(queue);
        return;
      }
      room -= hints.length;
    }
    this.full.add(queue);
  }

  /** Jobs of one type that were claimed together share a hint, up to the type's size. */
  private pack(jobs: readonly DispatchedJob[]): Hint[] {
    const types = [...new Set(jobs.map((job) => job.type))];
    return types.flatMap((type) => {
      const group = jobs.filter((job) => job.type === type);
      const size = this.registry.find(type)?.definition.hintSize ?? 1;
      return Array.from({ length: Math.ceil(group.length / size) }, (_, index) => {
        const part = group.slice(index * size, (index + 1) * size);
        return {
          jobs: part.map(({ id, dispatchNo }) => [id, dispatchNo] as const),
          dispatchedAt: Math.min(...part.map(({ dispatchedAt }) => dispatchedAt.getTime())),
        };
      });
    });
  }

  private largestHint(queue: QueueName): number {
    return Math.max(
      1,
      ...this.registry.all().map(({ definition }) => (definition.queue === queue ? definition.hintSize : 1)),
    );
  }
}

import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database, databaseNow, type Tx } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { HintQueue, HintStore, QUEUE_NAMES, type QueueName } from '../../../kernel/queue/index.js';
import { Hub } from '../../../kernel/realtime/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { DispatchRepository, type DispatchedJob } from './dispatch.repository.js';
import { DueJobs } from './due-jobs.js';
import { EngineMetrics } from './engine-metrics.js';
import { HintPacker } from './hint-packer.js';
import { HintWindow } from './hint-window.js';
import { LimitedJobs } from './limited-jobs.js';
import { TurnExchange, isQueueName } from './turn-exchange.js';
import { UnlimitedJobs, type DueSource } from './unlimited-jobs.js';

/** Hub topic: due jobs wait, and the sender cannot dispatch them. */
export const JOBS_WAITING_TOPIC = 'jobs-waiting';

/** Jobs one statement may dispatch. */
const BATCH = 500;
/** Hints that may wait beyond the room there is, for jobs that overtake those that wait. */
const OVER = 10;
/** Longest pause between two looks at everything; the shortest is half of it, so that processes do not tick together. */
const POLL_MS = 500;

/** What this process knows about one queue. */
class Line {
  readonly window = new HintWindow();
  readonly packer = new HintPacker();
  /** More waits in PostgreSQL than the queue has room for, as far as is known. */
  full = false;
  /** Jobs of types with limits had the first go at the room in the last pass. */
  limitedFirst = false;
  /** Of the last dispatch: how many jobs make a hint just now. */
  jobsPerHint = 1;
}

/**
 * Moves due jobs to the queue: rows first, hints after the commit. Leaderless: every process dispatches, and
 * SKIP LOCKED shares the rows out. Woken by a local commit, by the time of the next job, by a worker that made room,
 * by a process that cannot dispatch what it has committed, and a few times a second for whatever all that missed.
 *
 * A crash between the commit and the hint leaves a queued row without a hint; the reconciler finds it.
 */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;
  private readonly lines = new Map(QUEUE_NAMES.map((queue) => [queue, new Line()]));
  /** To be looked at in the next pass. */
  private readonly wanted = new Set<QueueName>();
  private dueWanted = false;
  /** Queues for which something was committed here since the last pass. */
  private readonly committed = new Set<QueueName>();
  private telling = false;
  private poll: NodeJS.Timeout | undefined;
  private alarm: NodeJS.Timeout | undefined;
  private alarmAt = Infinity;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly database: Database,
    private readonly repository: DispatchRepository,
    private readonly dueJobs: DueJobs,
    private readonly unlimited: UnlimitedJobs,
    private readonly limited: LimitedJobs,
    private readonly exchange: TurnExchange,
    private readonly hints: HintQueue,
    private readonly store: HintStore,
    private readonly registry: JobRegistry,
    private readonly hub: Hub,
    private readonly metrics: EngineMetrics,
    log: Log,
  ) {
    this.log = log.area('dispatcher');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'dispatching failed, it is tried again'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    this.exchange.begin();
    // A store that is empty now has lost none of what is about to be put into it. One that is away is asked again by
    // those who look for lost hints.
    await this.store
      .holdsSince(() => databaseNow(this.database.system('job dispatch').read))
      .catch((error: unknown) => this.log.warn({ err: error }, 'the queue store does not answer yet'));
    // Before the first job is made here: a process that knows nothing gives turns that have long passed.
    await this.refresh();
    this.unsubscribe = this.hub.subscribe(JOBS_WAITING_TOPIC, (message) => {
      const { queue } = message as { queue?: unknown };
      if (this.telling || !isQueueName(queue)) return;
      this.line(queue).full = true;
      this.wakeFor(queue);
    });
    this.flight.begin();
    this.limited.begin(() => this.wake());
    this.tick();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.limited.stop();
    this.unsubscribe();
    clearTimeout(this.poll);
    clearTimeout(this.alarm);
    await this.flight.stop();
    await this.exchange.end().catch(() => undefined);
  }

  /**
   * Looks for due jobs as soon as the transaction has committed. With a queue: it has made jobs there that are due
   * at once, and nothing that waits for its time.
   */
  wakeAfter(tx: Tx, queue?: QueueName): void {
    tx.afterCommit(() => {
      for (const name of queue ? [queue] : QUEUE_NAMES) this.committed.add(name);
      if (queue) this.wakeFor(queue);
      else this.wake();
    });
  }

  /** Looks for whatever is due in any queue. */
  wake(): void {
    this.dueWanted = true;
    for (const queue of QUEUE_NAMES) this.wanted.add(queue);
    this.flight.trigger();
  }

  /** A job was made that becomes due then. */
  wakeIn(seconds: number): void {
    if (this.flight.isOpen) this.setAlarm(seconds * 1000);
  }

  /** A worker has taken a hint: worth a look only when more waits than the queue had room for. */
  roomMade(queue: QueueName): void {
    const line = this.line(queue);
    line.window.taken();
    if (line.full && line.window.worthFilling(this.exchange.shareOf(queue))) this.wakeFor(queue);
  }

  @Interval(1_000)
  async refresh(): Promise<void> {
    await this.exchange
      .refresh()
      .catch((error: unknown) =>
        this.log.warn({ err: error }, 'what other processes know could not be read'),
      );
  }

  private tick(): void {
    this.wake();
    this.poll = setTimeout(() => this.tick(), POLL_MS * (0.5 + Math.random() / 2));
  }

  private wakeFor(queue: QueueName): void {
    this.wanted.add(queue);
    this.flight.trigger();
  }

  /** Timers may ring a moment early: what is found then not to be due yet sets the alarm again. */
  private setAlarm(inMs: number): void {
    const at = performance.now() + inMs;
    if (inMs >= POLL_MS || at >= this.alarmAt) return;
    clearTimeout(this.alarm);
    this.alarmAt = at;
    this.alarm = setTimeout(() => {
      this.alarmAt = Infinity;
      this.dueWanted = true;
      this.flight.trigger();
    }, Math.ceil(inMs));
  }

  private async pass(): Promise<void> {
    if (this.dueWanted) {
      this.dueWanted = false;
      const { queues, nextInMs } = await this.dueJobs.become();
      for (const queue of queues) this.wanted.add(queue);
      if (nextInMs !== null && this.flight.isOpen) this.setAlarm(nextInMs);
    }
    for (const queue of QUEUE_NAMES) if (this.wanted.delete(queue)) await this.dispatch(queue);
    this.exchange.tell(performance.now());
  }

  private async dispatch(queue: QueueName): Promise<void> {
    const committedHere = this.committed.delete(queue);
    try {
      await this.fill(queue);
    } catch (error) {
      // This process cannot, maybe another one can.
      if (committedHere) this.tellWaiting(queue);
      throw error;
    }
    if (committedHere && this.line(queue).full) this.tellWaiting(queue);
  }

  /** Dispatches until the queue has no room or nothing is due. */
  private async fill(queue: QueueName): Promise<void> {
    const line = this.line(queue);
    const waiting = await this.hints.count(queue);
    let room = line.window.room(waiting, this.exchange.slotsOf(queue), performance.now());
    this.metrics.window(queue, waiting + room);
    if (room <= 0 && room > -OVER)
      await this.send(queue, await this.unlimited.takeReached(queue, OVER), waiting);
    for (const source of room > 0 ? this.sourcesOf(line) : []) {
      for (let more = true; more && room > 0;) {
        const limit = Math.min(BATCH, Math.max(1, Math.floor(room * line.jobsPerHint)));
        const jobs = await source.take(queue, limit);
        more = jobs.length === limit;
        room -= await this.send(queue, jobs, waiting);
      }
    }
    line.full = room <= 0;
  }

  /**
   * Jobs without limits first: that is a single statement, where types with limits take one to see whether any waits.
   * In turn while there is not room for all, so that neither takes it for good.
   */
  private sourcesOf(line: Line): DueSource[] {
    line.limitedFirst = line.full && !line.limitedFirst;
    return line.limitedFirst ? [this.limited, this.unlimited] : [this.unlimited, this.limited];
  }

  /** Answers how many hints it took. */
  private async send(queue: QueueName, jobs: readonly DispatchedJob[], waiting: number): Promise<number> {
    if (jobs.length === 0) return 0;
    this.metrics.dispatched(queue, jobs);
    const line = this.line(queue);
    const hints = line.packer.pack(jobs, waiting, (type) => this.hintSizeOf(type));
    line.jobsPerHint = jobs.length / hints.length;
    await this.hints.add(queue, hints).catch(async (error: unknown) => {
      // Without hints they would wait for the reconciler; a hint that did arrive claims nothing any more.
      const sent = jobs.map(({ id, dispatchNo }) => [id, dispatchNo] as const);
      await this.repository.takeBack(this.database.system('job dispatch').read, sent);
      throw error;
    });
    line.window.added(hints.length);
    return hints.length;
  }

  private tellWaiting(queue: QueueName): void {
    this.telling = true;
    this.hub.publish(JOBS_WAITING_TOPIC, { queue });
    this.telling = false;
  }

  private hintSizeOf(type: string): number {
    return this.registry.find(type)?.definition.hintSize ?? 1;
  }

  private line(queue: QueueName): Line {
    return this.lines.get(queue)!;
  }
}

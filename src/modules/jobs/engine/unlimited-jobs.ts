import { Injectable } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import {
  DispatchRepository,
  NO_END,
  PRIORITIES,
  type DispatchedJob,
  type Span,
} from './dispatch.repository.js';
import { FairTurns, NO_ID } from './fair-turns.js';
import { DUE_LOOK_PAUSES_MS, RareLook } from './rare-look.js';

/** Where the dispatcher finds jobs. */
export interface DueSource {
  /**
   * Moves up to `limit` due jobs of the queue to `queued`, whose turn it is first, and has committed that when it
   * answers. Fewer than `limit`: no other can go now.
   */
  take(queue: QueueName, limit: number): Promise<DispatchedJob[]>;
}

const EVERYTHING = PRIORITIES.map(() => ({ from: { turn: 0, id: NO_ID }, upTo: NO_END }));

/** The due jobs of types without limits. */
@Injectable()
export class UnlimitedJobs implements DueSource {
  private readonly fullLooks = new Map<QueueName, RareLook>();

  constructor(
    private readonly database: Database,
    private readonly repository: DispatchRepository,
    private readonly turns: FairTurns,
  ) {}

  async take(queue: QueueName, limit: number): Promise<DispatchedJob[]> {
    const fullLook = this.fullLooks.get(queue) ?? new RareLook(...DUE_LOOK_PAUSES_MS);
    this.fullLooks.set(queue, fullLook);
    const began = performance.now();
    const isFull = fullLook.due(began);
    const jobs = await this.dispatch(queue, limit, isFull ? EVERYTHING : this.spans(queue, () => NO_END));
    const now = performance.now();
    if (isFull) fullLook.done(began, now);
    const lastPriority = jobs.at(-1)?.priority;
    for (const priority of PRIORITIES) {
      const ofIt = jobs.filter((job) => job.priority === priority);
      const last = ofIt.at(-1) ?? null;
      // Those after the last one that was reached have not been looked at.
      const drained = jobs.length < limit || priority < lastPriority!;
      this.turns.passed(queue, priority, { last, count: ofIt.length, drained }, now);
    }
    return jobs;
  }

  /**
   * The same for jobs whose turn has been reached already: the first ones of owners who have none waiting, and jobs
   * of a priority at which nothing waits. They may go although the queue is full, for they overtake what is in it.
   */
  async takeReached(queue: QueueName, limit: number): Promise<DispatchedJob[]> {
    return this.dispatch(
      queue,
      limit,
      this.spans(queue, (priority) => this.turns.turn(queue, priority)),
    );
  }

  private spans(queue: QueueName, upTo: (priority: number) => number): Span[] {
    return PRIORITIES.map((priority) => ({ from: this.turns.floor(queue, priority), upTo: upTo(priority) }));
  }

  /** A single statement commits by itself: one round trip. */
  private async dispatch(queue: QueueName, limit: number, spans: readonly Span[]): Promise<DispatchedJob[]> {
    return this.repository.dispatchDue(this.database.system('job dispatch').read, queue, limit, spans);
  }
}

import { Injectable } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import { DispatchRepository, PRIORITIES, type DispatchedJob } from './dispatch.repository.js';
import { FairTurns, NO_ID } from './fair-turns.js';
import { FullLook } from './full-look.js';

/** Where the dispatcher finds jobs. */
export interface DueSource {
  /**
   * Moves up to `limit` due jobs of the queue to `queued`, whose turn it is first, and has committed that when it
   * answers. Fewer than `limit`: no other can go now.
   */
  take(queue: QueueName, limit: number): Promise<DispatchedJob[]>;
}

const FROM_THE_START = PRIORITIES.map(() => ({ turn: 0, id: NO_ID }));

/** The due jobs of types without limits. */
@Injectable()
export class UnlimitedJobs implements DueSource {
  private readonly fullLooks = new Map<QueueName, FullLook>();

  constructor(
    private readonly database: Database,
    private readonly repository: DispatchRepository,
    private readonly turns: FairTurns,
  ) {}

  async take(queue: QueueName, limit: number): Promise<DispatchedJob[]> {
    const fullLook = this.fullLooks.get(queue) ?? new FullLook();
    this.fullLooks.set(queue, fullLook);
    const began = performance.now();
    const isFull = fullLook.due(began);
    const floors = isFull ? FROM_THE_START : PRIORITIES.map((priority) => this.turns.floor(queue, priority));
    // A single statement commits by itself: one round trip.
    const { read } = this.database.system('job dispatch');
    const jobs = await this.repository.dispatchDue(read, queue, limit, floors);
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
}

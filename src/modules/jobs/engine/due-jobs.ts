import { Injectable } from '@nestjs/common';
import { Database, type DatabaseScope } from '../../../kernel/database/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import { DispatchRepository, type DueJob } from './dispatch.repository.js';
import { FairTurns, laneOf, ownerOf } from './fair-turns.js';
import { DUE_LOOK_PAUSES_MS, RareLook } from './rare-look.js';

/** Jobs one transaction gives a turn. */
const BATCH = 500;
/** Jobs whose time came this long before the last look and that were committed only after it are found by a full look. */
const SLACK_MS = 200;
/** Others are giving turns to what is due: look again when they are done. */
const HELD_BY_OTHERS_MS = 20;

export interface BecameDue {
  /** Queues in which jobs have become due. */
  readonly queues: readonly QueueName[];
  /** When to look again; null: no job waits for its time. */
  readonly nextInMs: number | null;
}

/**
 * Gives a turn to pending jobs whose time has come: those that were scheduled, wait for their next attempt, were
 * taken back or retried by hand. Each owner's stand behind each other, so a flood of them overtakes nobody.
 */
@Injectable()
export class DueJobs {
  private readonly scope: DatabaseScope;
  private readonly fullLook = new RareLook(...DUE_LOOK_PAUSES_MS);
  private since = new Date(0);

  constructor(
    database: Database,
    private readonly repository: DispatchRepository,
    private readonly turns: FairTurns,
  ) {
    this.scope = database.system('job dispatch');
  }

  /** One batch of them. */
  async become(): Promise<BecameDue> {
    const began = performance.now();
    const isFull = this.fullLook.due(began);
    const since = isFull ? new Date(0) : this.since;
    const { at, due, nextInMs } = await this.repository.later(this.scope.read, since);
    if (isFull) this.fullLook.done(began, performance.now());
    const jobs = due ? await this.giveTurns(since) : [];
    if (jobs.length < BATCH) this.since = new Date(at.getTime() - SLACK_MS);
    const again = jobs.length === BATCH ? 0 : due && jobs.length === 0 ? HELD_BY_OTHERS_MS : null;
    return {
      queues: [...new Set(jobs.map(({ queue }) => queue as QueueName))],
      nextInMs: again ?? nextInMs,
    };
  }

  private async giveTurns(since: Date): Promise<DueJob[]> {
    return this.scope.tx(async (tx) => {
      const jobs = await this.repository.lockDue(tx, since, BATCH);
      const turns = new Map(
        jobs.map((job) => {
          const [turn] = this.turns.turnsAgain(laneOf(job), job.priority, ownerOf(job), 1);
          return [job.id, turn!];
        }),
      );
      if (turns.size > 0) await this.repository.giveTurns(tx, turns);
      return jobs;
    });
  }
}

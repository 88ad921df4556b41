import { getQueueToken } from '@nestjs/bullmq';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { createHash } from 'node:crypto';
import { OperationalError } from '../http/errors.js';
import { Log } from '../log/index.js';
import { within } from '../time/index.js';
import { QUEUE_NAMES, type Hint, type PlacedHint, type QueueName } from './queues.js';

/** Longest wait for the queue's store. The rows are the truth, so giving up only delays a dispatch. */
const STORE_LIMIT_MS = 5_000;

/**
 * The doorbell: carries hints to workers, on Redis or on PostgreSQL. Losing a hint loses nothing, because the
 * reconciler finds the row; adding one twice is harmless, because the claim is guarded by its dispatch number.
 */
@Injectable()
export class HintQueue implements OnModuleInit {
  private readonly log: Log;

  constructor(
    private readonly modules: ModuleRef,
    log: Log,
  ) {
    this.log = log.area('queue');
  }

  /** An error nobody listens to would be printed past the log. One line per outage is enough: it comes by the second. */
  onModuleInit(): void {
    for (const name of QUEUE_NAMES) {
      let troubled = false;
      this.queue(name).on('error', (error) => {
        if (!troubled)
          this.log.warn({ queue: name, reason: error.message }, 'the queue store is out of reach');
        troubled = true;
      });
      this.queue(name).on('waiting', () => (troubled = false));
    }
  }

  async add(queue: QueueName, hints: readonly PlacedHint[]): Promise<void> {
    if (hints.length === 0) return;
    // The id makes one dispatch one message even if this call is repeated.
    const messages = hints.map(({ jobs, dispatchedAt, place }) => ({
      name: 'hint',
      data: { jobs, dispatchedAt },
      opts: { jobId: hintId({ jobs, dispatchedAt }), ...(place === undefined ? {} : { priority: place }) },
    }));
    await answerOf(this.queue(queue).addBulk(messages));
  }

  /** How many hints wait. */
  async count(queue: QueueName): Promise<number> {
    return answerOf(this.queue(queue).getJobCountByTypes(...WAITING));
  }

  /** How many hints wait, and the database time at which the oldest of them was dispatched, whatever its place. */
  async waiting(queue: QueueName): Promise<{ count: number; oldestDispatchedAt: number | null }> {
    const ids = await answerOf(this.queue(queue).getRanges([...WAITING], 0, -1));
    const oldest = ids.reduce((least, id) => Math.min(least, dispatchedAtOf(id)), Infinity);
    return { count: ids.length, oldestDispatchedAt: ids.length === 0 ? null : oldest };
  }

  private queue(name: QueueName): Queue<Hint> {
    return this.modules.get<Queue<Hint>>(getQueueToken(name), { strict: false });
  }
}

/** What BullMQ calls the messages that nobody has taken, with and without a place. */
const WAITING = ['waiting', 'prioritized'] as const;

/**
 * When it was dispatched, so that a list of ids tells the age of everything, and what it is about: two dispatches
 * share an id only when they carry the same. BullMQ refuses ids with a colon and bare numbers.
 */
function hintId({ jobs, dispatchedAt }: Hint): string {
  const about = createHash('sha1').update(JSON.stringify(jobs)).digest('hex').slice(0, 20);
  return `${dispatchedAt}-${about}`;
}

const dispatchedAtOf = (id: string): number => Number.parseInt(id, 10);

const answerOf = <T>(store: Promise<T>): Promise<T> =>
  within(
    store,
    STORE_LIMIT_MS,
    () => new OperationalError('queue_unavailable', 'The queue does not answer.'),
  );

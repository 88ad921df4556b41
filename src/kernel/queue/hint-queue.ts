import { getQueueToken } from '@nestjs/bullmq';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { OperationalError } from '../http/errors.js';
import { Log } from '../log/index.js';
import { within } from '../time/index.js';
import { QUEUE_NAMES, type Hint, type QueueName } from './queues.js';

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

  async add(queue: QueueName, hints: readonly Hint[]): Promise<void> {
    if (hints.length === 0) return;
    // The id makes one dispatch one message even if this call is repeated. BullMQ refuses ids with a colon.
    const messages = hints.map((data) => ({ name: 'hint', data, opts: { jobId: hintId(data) } }));
    await answerOf(this.queue(queue).addBulk(messages));
  }

  /** How many hints wait, and the database time at which the oldest of them was dispatched. */
  async waiting(queue: QueueName): Promise<{ count: number; oldestDispatchedAt: number | null }> {
    const store = this.queue(queue);
    const [count, oldest] = await answerOf(Promise.all([store.getWaitingCount(), store.getWaiting(0, 0)]));
    return { count, oldestDispatchedAt: oldest[0]?.data.dispatchedAt ?? null };
  }

  private queue(name: QueueName): Queue<Hint> {
    return this.modules.get<Queue<Hint>>(getQueueToken(name), { strict: false });
  }
}

function hintId(hint: Hint): string {
  const [jobId, dispatchNo] = hint.jobs[0] ?? ['none', 0];
  return `${jobId}-${dispatchNo}`;
}

const answerOf = <T>(store: Promise<T>): Promise<T> =>
  within(
    store,
    STORE_LIMIT_MS,
    () => new OperationalError('queue_unavailable', 'The queue does not answer.'),
  );

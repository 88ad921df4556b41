import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable, type Type } from '@nestjs/common';
import type { Job } from 'bullmq';
import { Log } from '../log/index.js';
import type { Hint, HintHandler, QueueName } from './queues.js';

/** Hints fetched for each one that may be handled, where handling is quick. */
const FETCH_AHEAD = 3;

/** One queue's worker in this process. */
export interface ProcessorHost extends WorkerHost {
  readonly queue: QueueName;
  begin(handler: HintHandler): void;
  fetchAhead(ahead: boolean): void;
  finish(): Promise<void>;
}

/**
 * The `@Processor` of one queue. A class per queue, because the decorator fixes the queue's name when the class
 * is made. It does not run before `begin`: a hint taken while modules are still being wired would be lost time.
 */
export function processorHost(queue: QueueName, concurrency: number): Type<ProcessorHost> {
  @Injectable()
  @Processor({ name: queue }, { autorun: false, concurrency })
  class QueueProcessorHost extends WorkerHost implements ProcessorHost {
    readonly queue = queue;
    private readonly log: Log;
    private handler: HintHandler | null = null;

    constructor(log: Log) {
      super();
      this.log = log.area(`queue ${queue}`);
    }

    begin(handler: HintHandler): void {
      this.handler = handler;
      // Resolves only when the worker is closed.
      this.worker.run().catch((error: unknown) => this.log.error({ err: error }, 'queue worker stopped'));
    }

    fetchAhead(ahead: boolean): void {
      this.worker.concurrency = ahead ? concurrency * FETCH_AHEAD : concurrency;
    }

    async finish(): Promise<void> {
      if (this.handler) await this.worker.close();
    }

    async process(message: Job<Hint>): Promise<void> {
      await this.handler?.(queue, message.data);
    }

    /** A hint that failed is gone; the rows behind it are found by the reconciler. */
    @OnWorkerEvent('failed')
    onFailed(_message: unknown, error: Error): void {
      this.log.error({ err: error }, 'a hint could not be handled');
    }

    @OnWorkerEvent('error')
    onError(error: Error): void {
      this.log.warn({ err: error }, 'queue store is in trouble');
    }
  }
  return QueueProcessorHost;
}

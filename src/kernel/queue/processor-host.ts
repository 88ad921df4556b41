import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable, type Type } from '@nestjs/common';
import type { Job } from 'bullmq';
import { Log } from '../log/index.js';
import { HintHandler } from './hint-handler.js';
import type { Hint, QueueName } from './queues.js';

/** One queue's worker in this process, stopped until `begin` and drained by `finish`. */
export interface ProcessorHost extends WorkerHost {
  begin(): void;
  finish(): Promise<void>;
}

/**
 * The `@Processor` of one queue. A class per queue, because the decorator fixes the queue's name when the class
 * is made. It does not run before `begin`: a hint taken while modules are still being wired would be lost time.
 */
export function processorHost(queue: QueueName, concurrency: number): Type<ProcessorHost> {
  @Injectable()
  @Processor({ name: queue }, { autorun: false, concurrency, lockDuration: 30_000, maxStalledCount: 1 })
  class QueueProcessorHost extends WorkerHost implements ProcessorHost {
    private readonly log: Log;

    constructor(
      private readonly handler: HintHandler,
      log: Log,
    ) {
      super();
      this.log = log.area(`queue ${queue}`);
    }

    begin(): void {
      // Resolves only when the worker is closed.
      this.worker.run().catch((error: unknown) => this.log.error({ err: error }, 'queue worker stopped'));
    }

    /** Takes no further hint and resolves when the ones being worked on have ended. */
    async finish(): Promise<void> {
      if (this.worker.isRunning()) await this.worker.close();
    }

    async process(message: Job<Hint>): Promise<void> {
      await this.handler.handle(queue, message.data);
    }

    @OnWorkerEvent('error')
    onError(error: Error): void {
      this.log.warn({ err: error }, 'queue store is in trouble');
    }
  }
  return QueueProcessorHost;
}

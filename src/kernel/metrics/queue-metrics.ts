import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HintQueue, QUEUE_NAMES } from '../queue/index.js';
import { within } from '../time/index.js';
import { Metrics } from './metrics.js';

/** Shorter than a collector may take, so that a store that hangs is told to be down instead of being left out. */
const LIMIT_MS = 2_000;

/** The queue's own store: whether it answers and how many messages wait there. Jobs are counted by their rows. */
@Injectable()
export class QueueMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly hints: HintQueue,
  ) {}

  onModuleInit(): void {
    const up = this.metrics.gauge({
      name: 'steward_queue_store_up',
      help: 'Whether the store of the queue (Redis, or PostgreSQL without it) answers.',
      labels: [],
    });
    const waiting = this.metrics.gauge({
      name: 'steward_queue_hints_waiting',
      help: 'Messages that wait in the queue; one may carry several jobs.',
      labels: ['queue'],
    });
    this.metrics.collect({
      name: 'queue',
      gauges: [up, waiting],
      measure: () => this.ask().catch(() => null),
      show: (counts) => {
        up.of({}).set(counts ? 1 : 0);
        for (const { queue, count } of counts ?? []) waiting.of({ queue }).set(count);
      },
    });
  }

  private ask(): Promise<{ queue: string; count: number }[]> {
    const counts = QUEUE_NAMES.map(async (queue) => ({
      queue,
      count: (await this.hints.waiting(queue)).count,
    }));
    return within(Promise.all(counts), LIMIT_MS, () => new Error('the queue does not answer'));
  }
}

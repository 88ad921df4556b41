import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import {
  Metrics,
  type Counter,
  type Gauge,
  type Histogram,
  type Series,
} from '../../../kernel/metrics/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import { JobRegistry } from '../definition/job-registry.js';
import { DepthRepository, MOST_COUNTED } from './depth.repository.js';
import { WorkersRepository } from './workers.repository.js';

/** How an attempt ended; `lost`: somebody else holds the job now. */
const OUTCOMES = ['completed', 'failed', 'cancelled', 'retry', 'release', 'lost'] as const;
export type AttemptEnd = (typeof OUTCOMES)[number];

/**
 * What had to be put right: jobs of dead workers, queued jobs without a message, jobs sent to the queue once more after
 * it lost everything, claims whose answer got lost, outcomes that came too late to be written.
 */
const FINDS = ['rescued', 'hint_lost', 'redispatched', 'stray', 'fenced'] as const;
export type Find = (typeof FINDS)[number];

/** Of types that this build does not know: their names come from rows, and there may be any number of them. */
const UNKNOWN_TYPE = 'other';

const WAIT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1800, 7200];
const RUN_BUCKETS = [0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200];

interface TypeCells {
  readonly ends: Readonly<Record<AttemptEnd, Counter>>;
  readonly wait: Histogram;
  readonly run: Histogram;
}

/**
 * What the engine tells about itself at `GET /metrics`. Its parts call one method for each thing that happened, which
 * adds to numbers in memory and does nothing else; the depth of the queues is counted in the database when somebody
 * asks. Everything before the first scrape is counted, too.
 */
@Injectable()
export class EngineMetrics implements OnModuleInit, OnApplicationBootstrap {
  private readonly attempts: Series<'type' | 'outcome', Counter>;
  private readonly waits: Series<'type', Histogram>;
  private readonly runs: Series<'type', Histogram>;
  private readonly lags: Series<'queue', Histogram>;
  private readonly finds: Series<'kind', Counter>;
  private readonly windows: Series<'queue', Gauge>;
  private readonly byType = new Map<string, TypeCells>();

  constructor(
    private readonly metrics: Metrics,
    private readonly registry: JobRegistry,
    private readonly database: Database,
    private readonly depths: DepthRepository,
    private readonly workers: WorkersRepository,
  ) {
    this.attempts = metrics.counter({
      name: 'steward_jobs_attempts_total',
      help: 'Attempts of this process that ended, by job type and outcome.',
      labels: ['type', 'outcome'],
    });
    this.waits = metrics.histogram({
      name: 'steward_jobs_wait_seconds',
      help: 'Time from when a job was due until its first attempt began.',
      labels: ['type'],
      buckets: WAIT_BUCKETS,
    });
    this.runs = metrics.histogram({
      name: 'steward_jobs_run_seconds',
      help: 'Time an attempt took, without what was done to claim the job and to write its outcome.',
      labels: ['type'],
      buckets: RUN_BUCKETS,
    });
    this.lags = metrics.histogram({
      name: 'steward_jobs_dispatch_lag_seconds',
      help: 'Time from when a job was due until it was sent to the queue.',
      labels: ['queue'],
      buckets: WAIT_BUCKETS,
    });
    this.finds = metrics.counter({
      name: 'steward_jobs_finds_total',
      help: 'Jobs found in disorder and put right, by what was found.',
      labels: ['kind'],
    });
    this.windows = metrics.gauge({
      name: 'steward_jobs_hint_window',
      help: 'Messages that may wait in the queue; further jobs stay in the database.',
      labels: ['queue'],
    });
  }

  onModuleInit(): void {
    this.watchDepth();
    for (const kind of FINDS) this.finds.of({ kind });
  }

  /** From zero on: a rate cannot be told from a series that begins with its first event. */
  onApplicationBootstrap(): void {
    for (const { definition } of this.registry.all()) this.cellsOf(definition.name);
  }

  dispatched(queue: QueueName, jobs: readonly { readonly lagSeconds: number }[]): void {
    const lags = this.lags.of({ queue });
    for (const { lagSeconds } of jobs) lags.observe(lagSeconds);
  }

  window(queue: QueueName, hints: number): void {
    this.windows.of({ queue }).set(hints);
  }

  /** `waitedSeconds` is null for every attempt but a job's first: what a pause took is no waiting. */
  started({ type, waitedSeconds }: { readonly type: string; readonly waitedSeconds: number | null }): void {
    if (waitedSeconds !== null) this.cellsOf(type).wait.observe(waitedSeconds);
  }

  ended(type: string, outcome: AttemptEnd, ranMs: number): void {
    const { ends, run } = this.cellsOf(type);
    ends[outcome].add();
    run.observe(ranMs / 1000);
  }

  found(kind: Find, jobs = 1): void {
    this.finds.of({ kind }).add(jobs);
  }

  private cellsOf(type: string): TypeCells {
    const known = this.byType.get(type);
    if (known) return known;
    if (type !== UNKNOWN_TYPE && !this.registry.find(type)) return this.cellsOf(UNKNOWN_TYPE);
    const ends = OUTCOMES.map((outcome) => [outcome, this.attempts.of({ type, outcome })] as const);
    const cells = {
      ends: Object.fromEntries(ends) as Record<AttemptEnd, Counter>,
      wait: this.waits.of({ type }),
      run: this.runs.of({ type }),
    };
    this.byType.set(type, cells);
    return cells;
  }

  private watchDepth(): void {
    const depth = this.metrics.gauge({
      name: 'steward_jobs_depth',
      help: `Jobs that have not ended, of all processes: due, later, queued, running. Counted up to ${MOST_COUNTED} each.`,
      labels: ['queue', 'state'],
    });
    const oldest = this.metrics.gauge({
      name: 'steward_jobs_oldest_due_age_seconds',
      help: 'How long the job has been due that waits longest among those next in line at their priority; 0 without any.',
      labels: ['queue'],
    });
    const workers = this.metrics.gauge({
      name: 'steward_jobs_workers',
      help: 'Worker processes that are alive.',
      labels: [],
    });
    this.metrics.collect({
      name: 'jobs',
      gauges: [depth, oldest, workers],
      measure: () =>
        this.database.system('metrics').tx(async (tx) => {
          const queues = await this.depths.measure(tx);
          return { queues, living: await this.workers.living(tx) };
        }),
      show: ({ queues, living }) => {
        for (const { queue, due, later, queued, running, oldestDueSeconds } of queues) {
          for (const [state, jobs] of Object.entries({ due, later, queued, running }))
            depth.of({ queue, state }).set(jobs);
          oldest.of({ queue }).set(oldestDueSeconds);
        }
        workers.of({}).set(living);
      },
    });
  }
}

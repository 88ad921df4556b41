import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Metrics, type Counter, type Histogram, type Series } from '../../../kernel/metrics/index.js';
import { MOST_COUNTED } from './judge.js';
import { SchedulersRepository } from './schedulers.repository.js';

const LAG_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 86_400];
const TICK_BUCKETS = [0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60];

/**
 * What the schedulers tell at `GET /metrics`. Rules are not among the labels, because there may be a million of them:
 * which of them are late is answered by `GET /api/schedules?overdue=true`.
 */
@Injectable()
export class ScheduleMetrics implements OnModuleInit {
  private readonly slots: Series<'outcome', Counter>;
  private readonly lags: Histogram;
  private readonly ticks: Histogram;

  constructor(
    private readonly metrics: Metrics,
    private readonly database: Database,
    private readonly schedulers: SchedulersRepository,
  ) {
    this.slots = metrics.counter({
      name: 'steward_schedules_slots_total',
      help: 'Planned instants that this process has written into the ledger, by outcome.',
      labels: ['outcome'],
    });
    this.lags = metrics
      .histogram({
        name: 'steward_schedules_lag_seconds',
        help: 'Time from a planned instant until its job was made.',
        labels: [],
        buckets: LAG_BUCKETS,
      })
      .of({});
    this.ticks = metrics
      .histogram({
        name: 'steward_schedules_tick_seconds',
        help: 'Time this process took to look at what is due and to do all of it.',
        labels: [],
        buckets: TICK_BUCKETS,
      })
      .of({});
  }

  onModuleInit(): void {
    for (const outcome of ['fired', 'failed']) this.slots.of({ outcome });
    const gauge = (name: string, help: string) => this.metrics.gauge({ name, help, labels: [] });
    const living = gauge(
      'steward_schedules_schedulers',
      'Processes that look for due schedules and have done so lately.',
    );
    const silent = gauge(
      'steward_schedules_silent_seconds',
      'Time since any scheduler has last looked for due schedules; absent when none has ever run.',
    );
    const oldest = gauge(
      'steward_schedules_oldest_overdue_seconds',
      'How late the schedule is that is due the longest; 0 without any.',
    );
    const overdue = gauge(
      'steward_schedules_overdue',
      `Schedules that are late by more than a minute, counted up to ${MOST_COUNTED}.`,
    );
    this.metrics.collect({
      name: 'schedules',
      gauges: [living, silent, oldest, overdue],
      measure: () => this.schedulers.state(this.database.system('metrics').read),
      show: (state) => {
        living.of({}).set(state.living);
        if (state.silentSeconds !== null) silent.of({}).set(state.silentSeconds);
        oldest.of({}).set(state.oldestSeconds);
        overdue.of({}).set(state.overdue);
      },
    });
  }

  /** What a transaction has written, once it is committed; how late it was where that is known. `now`: epoch ms. */
  count(
    tx: Tx,
    slots: readonly { readonly outcome: string; readonly scheduledFor?: number }[],
    now = Number.NaN,
  ): void {
    if (slots.length === 0) return;
    tx.afterCommit(() => {
      for (const { outcome, scheduledFor } of slots) {
        this.slots.of({ outcome }).add();
        if (outcome === 'fired' && scheduledFor !== undefined && !Number.isNaN(now))
          this.lags.observe(Math.max(0, now - scheduledFor) / 1000);
      }
    });
  }

  ticked(ms: number): void {
    this.ticks.observe(ms / 1000);
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, query } from '../database/index.js';
import { Clock } from '../time/index.js';
import { Metrics } from './metrics.js';

interface ServerState {
  /** Seconds that the server's clock is ahead of ours. */
  readonly skew: number;
  readonly snapshotSeconds: number;
  readonly snapshotTransactions: number;
}

/** The database as this process sees it: waiting for connections, its clock, and what holds vacuum back. */
@Injectable()
export class DatabaseMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.watchPool();
    this.watchServer();
  }

  private watchPool(): void {
    const connections = this.metrics.gauge({
      name: 'steward_postgresql_pool_connections',
      help: 'Connections of this process by state; waiting counts those who want one.',
      labels: ['state'],
    });
    const waits = this.metrics.histogram({
      name: 'steward_postgresql_pool_wait_seconds',
      help: 'Time until a connection of the pool was there.',
      labels: [],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    });
    this.database.reportWaits((seconds) => waits.of({}).observe(seconds));
    this.metrics.collect({
      name: 'pool',
      gauges: [connections],
      measure: () => Promise.resolve(this.database.connections()),
      show: (states) => {
        for (const [state, count] of Object.entries(states)) connections.of({ state }).set(count);
      },
    });
  }

  private watchServer(): void {
    const up = this.metrics.gauge({
      name: 'steward_postgresql_up',
      help: 'Whether the database answers.',
      labels: [],
    });
    const skew = this.metrics.gauge({
      name: 'steward_postgresql_clock_ahead_seconds',
      help: 'How far the clock of the database is ahead of the one of this process.',
      labels: [],
    });
    const seconds = this.metrics.gauge({
      name: 'steward_postgresql_oldest_transaction_age_seconds',
      help: 'Age of the oldest open transaction that vacuum has to respect: while it lasts, dead rows stay.',
      labels: [],
    });
    const transactions = this.metrics.gauge({
      name: 'steward_postgresql_oldest_xmin_age_transactions',
      help: 'The same counted in transactions; prepared ones and replication slots included.',
      labels: [],
    });
    this.metrics.collect({
      name: 'database',
      gauges: [up, skew, seconds, transactions],
      measure: () => this.ask().catch(() => null),
      show: (state) => {
        up.of({}).set(state ? 1 : 0);
        if (!state) return;
        skew.of({}).set(state.skew);
        seconds.of({}).set(state.snapshotSeconds);
        transactions.of({}).set(state.snapshotTransactions);
      },
    });
  }

  private async ask(): Promise<ServerState | null> {
    const began = this.clock.now().getTime();
    const [row] = await query<{ now: Date; seconds: number; transactions: string }>(
      this.database.read,
      `select clock_timestamp() as now, seconds, transactions from oldest_snapshot()`,
    );
    if (!row) return null;
    // The answer was written about halfway between question and reading.
    const halfway = (began + this.clock.now().getTime()) / 2;
    return {
      skew: (row.now.getTime() - halfway) / 1000,
      snapshotSeconds: row.seconds,
      snapshotTransactions: Number(row.transactions),
    };
  }
}

import { JobsService } from '../src/modules/jobs/index.js';
import { Database } from '../src/kernel/database/index.js';
import { head, quantile, row, runCell, write, type CellOrder } from './jobs-common.js';
import { connectOwner, plantUser, startSteward, watcher } from './jobs-steward.js';
import type { BenchServices } from './services.js';

const PER_SECOND = 50;
const WARM_UP = 100;

interface LatencyResult {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** Jobs come one by one; from the call that makes one until its handler begins, its commit included. */
export async function measureLatency(order: CellOrder): Promise<LatencyResult> {
  const client = await connectOwner(order);
  const userId = await plantUser(client);
  const app = await startSteward(order);
  const service = app.get(JobsService, { strict: false });
  const scope = app.get(Database, { strict: false }).as({ type: 'job', userId, role: 'user', jobId: userId });
  const asked: number[] = [];
  const waits: number[] = [];
  const total = WARM_UP + order.jobs;
  const allBegun = new Promise<void>((resolve) => {
    watcher.started = (_context, { n }) => {
      if (n >= WARM_UP) waits.push(performance.now() - (asked[n] ?? 0));
      if (waits.length === order.jobs) resolve();
    };
  });
  const began = performance.now();
  for (let n = 0; n < total; n++) {
    const due = began + (n * 1000) / PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    asked[n] = performance.now();
    const actor = { type: 'job', userId, role: 'user', jobId: userId } as const;
    void scope.tx((tx) => service.createIn(tx, actor, { type: 'no-op', payload: { n } }));
  }
  await allBegun;
  await client.end();
  await app.close().catch(() => undefined);
  return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), most: Math.max(...waits) };
}

export async function latency(services: BenchServices, jobs: number): Promise<void> {
  write(`### From the request to the handler, ${PER_SECOND} jobs a second, ${jobs} jobs\n`);
  head('', 'p50 ms', 'p99 ms', 'most ms');
  for (const backend of services.redisUrl === undefined ? ['postgres'] : ['redis', 'postgres']) {
    const result = await runCell<LatencyResult>(services, { cell: `latency-${backend}`, jobs });
    row(
      backend === 'redis' ? 'Steward on Redis' : 'Steward on PostgreSQL',
      ...[result.p50, result.p99, result.most].map((value) => value.toFixed(1)),
    );
  }
  write('');
}

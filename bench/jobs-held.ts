import { head, row, runCell, whole, write, type CellOrder } from './jobs-common.js';
import type { DrainResult } from './jobs-drain.js';
import {
  connectOwner,
  plantJobs,
  plantUser,
  startSteward,
  untilCompleted,
  watcher,
  type Planted,
} from './jobs-steward.js';
import { Stopwatch } from './jobs-stopwatch.js';
import type { BenchServices } from './services.js';

/** Jobs a second that are made and done while the transaction stays open. */
const STEADY = 200;
const STEP_MS = 100;

/** Steady load for a while, then a drain; in the cell `held-open` beside a transaction that has been open all the while. */
export async function measureHeld(order: CellOrder): Promise<DrainResult> {
  const client = await connectOwner(order);
  const userId = await plantUser(client);
  const done = { userId, type: 'no-op', made: 0 };
  const app = await startSteward(order);
  const holder = await connectOwner(order);
  if (order.cell === 'held-open') {
    await holder.query('begin isolation level repeatable read');
    await holder.query('select count(*) from users');
  }
  const until = performance.now() + 1000 * Number(process.env['BENCH_HELD_SECONDS']);
  while (performance.now() < until) {
    const next = performance.now() + STEP_MS;
    await plant(client, done, (STEADY * STEP_MS) / 1000);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  await untilCompleted(client, done.made);
  const watch = new Stopwatch(order.cell);
  let handled = 0;
  const allHandled = new Promise<void>((resolve) => {
    watcher.started = () => {
      if (++handled === 1) watch.start();
      if (handled === order.jobs) resolve();
    };
  });
  await plant(client, done, order.jobs);
  await allHandled;
  await untilCompleted(client, done.made);
  const result = await watch.stop(order.jobs);
  await holder.end();
  await client.end();
  await app.close().catch(() => undefined);
  return result;
}

async function plant(client: Parameters<typeof plantJobs>[0], done: Planted, jobs: number): Promise<void> {
  await plantJobs(client, done.userId, done.type, jobs, done.made);
  done.made += jobs;
}

export async function held(services: BenchServices, jobs: number, minutes: number): Promise<void> {
  process.env['BENCH_HELD_SECONDS'] = String(minutes * 60);
  write(
    `### Drain of ${whole(jobs)} after ${minutes} minutes of ${STEADY} jobs a second, beside an open REPEATABLE READ transaction\n`,
  );
  head('', 'jobs/s', 'µs a job in Node', 'PostgreSQL');
  for (const [cell, name] of [
    ['held-none', 'no such transaction'],
    ['held-open', 'open all the while'],
  ] as const) {
    const { jobsPerSecond, spent } = await runCell<DrainResult>(services, { cell, jobs });
    row(name, whole(jobsPerSecond), spent.node.toFixed(1), spent.postgres.toFixed(1));
  }
  write('');
}

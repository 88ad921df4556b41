import { head, median, row, runCell, whole, write, type Spent } from './jobs-common.js';
import type { BenchServices } from './services.js';

/** By what the ratios are taken from: raw BullMQ on the same backend, which keeps no record. */
const RAW = { redis: 'bullmq-redis', postgres: 'bullmq-postgres' } as const;

const CELLS = [
  'bullmq-redis',
  'steward-redis',
  'steward-redis-single',
  'bullmq-postgres',
  'steward-postgres',
  'steward-postgres-single',
  'pg-boss-postgres',
  'graphile-postgres',
] as const;

const NAMES: Record<(typeof CELLS)[number], string> = {
  'bullmq-redis': 'raw BullMQ on Redis, no record',
  'steward-redis': 'Steward on Redis',
  'steward-redis-single': 'Steward on Redis, one message per job',
  'bullmq-postgres': 'raw BullMQ on PostgreSQL, no record',
  'steward-postgres': 'Steward on PostgreSQL',
  'steward-postgres-single': 'Steward on PostgreSQL, one message per job',
  'pg-boss-postgres': 'pg-boss, tuned',
  'graphile-postgres': 'graphile-worker, tuned, no record',
};

/** Jobs handled before the watch starts, in every cell. */
export const WARM_UP = 2_000;

export interface DrainResult {
  readonly jobsPerSecond: number;
  /** Per job. */
  readonly spent: Spent;
  readonly residentMegabytes: number;
}

/** Jobs that are there already, drained at concurrency 50; the order of the cells changes per round. */
export async function drain(services: BenchServices, jobs: number, rounds: number): Promise<void> {
  const only = process.env['BENCH_CELLS']?.split(',');
  const cells = CELLS.filter(
    (cell) => (services.redisUrl !== undefined || !cell.includes('redis')) && (!only || only.includes(cell)),
  );
  const results = new Map<string, DrainResult[]>(cells.map((cell) => [cell, []]));
  for (let round = 0; round < rounds; round++)
    for (let place = 0; place < cells.length; place++) {
      const cell = cells[(place + round) % cells.length]!;
      results.get(cell)?.push(await runCell<DrainResult>(services, { cell, jobs }));
    }
  const of = (cell: string, value: (one: DrainResult) => number): number =>
    median((results.get(cell) ?? []).map(value));
  const against = (cell: string, other: string): string => {
    const ratios = (results.get(cell) ?? []).flatMap(({ jobsPerSecond }, round) => {
      const peer = results.get(other)?.[round];
      return peer ? [jobsPerSecond / peer.jobsPerSecond] : [];
    });
    return ratios.length > 0 ? median(ratios).toFixed(2) : '–';
  };
  write(`### Drain of ${whole(jobs)} recorded no-op jobs, concurrency 50, medians of ${rounds} rounds`);
  write('');
  head(
    '',
    'jobs/s',
    'against raw BullMQ on the same store',
    'against pg-boss',
    'against graphile-worker',
    'µs a job in Node',
    'PostgreSQL',
    'Redis',
    'resident MB',
  );
  for (const cell of cells)
    row(
      NAMES[cell],
      whole(of(cell, (one) => one.jobsPerSecond)),
      against(cell, cell.includes('redis') ? RAW.redis : RAW.postgres),
      against(cell, 'pg-boss-postgres'),
      against(cell, 'graphile-postgres'),
      of(cell, (one) => one.spent.node).toFixed(1),
      of(cell, (one) => one.spent.postgres).toFixed(1),
      of(cell, (one) => one.spent.redis).toFixed(1),
      whole(of(cell, (one) => one.residentMegabytes)),
    );
  write('');
  if (services.redisUrl === undefined) write('NOT RUN: the Redis rows (redis-server not found)\n');
}

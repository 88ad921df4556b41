import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { startBenchServices, type BenchServices } from './services.js';

/**
 * Drains recorded no-op jobs through the real engine, and the same number through raw BullMQ, which keeps no
 * record, on the same backend in the same run. Every cell is a process of its own; the order changes per round;
 * medians are shown. Quote the ratios: absolute figures move with the machine.
 *
 *   npm run bench:jobs -- [jobs] [rounds]
 */
const CELLS = [
  'bullmq-postgres',
  'steward-postgres',
  'steward-postgres-single',
  'bullmq-redis',
  'steward-redis',
  'steward-redis-single',
] as const;
type Cell = (typeof CELLS)[number];

export interface CellOrder {
  readonly cell: Cell;
  readonly jobs: number;
  readonly ownerUrl: string;
  readonly applicationUrl: string;
  readonly redisUrl: string | undefined;
}
export interface CellResult {
  readonly jobsPerSecond: number;
  readonly residentMegabytes: number;
}

async function measure(cell: Cell, jobs: number, services: BenchServices): Promise<CellResult> {
  const order: CellOrder = {
    cell,
    jobs,
    ...(await services.createDatabase()),
    redisUrl: cell.includes('redis') ? services.redisUrl : undefined,
  };
  const child = fork(new URL('./jobs-cell.js', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(order);
  const [result] = (await once(child, 'message')) as [CellResult];
  child.kill('SIGKILL');
  await services.flushRedis();
  return result;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  const jobs = Number(process.argv[2] ?? 10_000);
  const rounds = Number(process.argv[3] ?? 3);
  const services = await startBenchServices();
  const cells = CELLS.filter((cell) => services.redisUrl !== undefined || !cell.includes('redis'));
  const results = new Map<Cell, CellResult[]>(cells.map((cell) => [cell, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      const order = cells.map((_, index) => cells[(index + round) % cells.length] as Cell);
      for (const cell of order) results.get(cell)?.push(await measure(cell, jobs, services));
    }
  } finally {
    await services.stop();
  }
  const speed = (cell: Cell): number => median((results.get(cell) ?? []).map((one) => one.jobsPerSecond));
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  write(`${jobs} no-op jobs, medians of ${rounds} rounds, ${cpus().length} cores, Node ${process.version}`);
  write('| | jobs/s | against raw BullMQ on the same backend | resident MB |');
  write('| --- | --- | --- | --- |');
  for (const cell of cells) {
    const raw = speed(cell.includes('redis') ? 'bullmq-redis' : 'bullmq-postgres');
    const memory = median((results.get(cell) ?? []).map((one) => one.residentMegabytes));
    write(
      `| ${cell} | ${Math.round(speed(cell))} | ${(speed(cell) / raw).toFixed(2)} | ${Math.round(memory)} |`,
    );
  }
  if (services.redisUrl === undefined) write('NOT RUN: the Redis rows (redis-server not found)');
}

await main();

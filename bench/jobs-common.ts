import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BenchServices } from './services.js';

/** What a cell is told. Every cell is a process of its own, on a database of its own. */
export interface CellOrder {
  readonly cell: string;
  readonly jobs: number;
  readonly ownerUrl: string;
  readonly applicationUrl: string;
  readonly redisUrl: string | undefined;
}

/** Processor time, in microseconds, of the cell's own process and of the servers it uses. */
export interface Spent {
  readonly node: number;
  readonly postgres: number;
  readonly redis: number;
}

export const CONCURRENCY = 50;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ??
  Number.NaN;

export const write = (line: string): void => void process.stdout.write(`${line}\n`);
export const row = (...cells: readonly (string | number)[]): void => write(`| ${cells.join(' | ')} |`);
export const head = (...cells: readonly string[]): void => {
  row(...cells);
  row(...cells.map(() => '---'));
};
export const whole = (value: number): string =>
  Number.isNaN(value) ? '–' : Math.round(value).toLocaleString('en');

/** Runs one cell in a process of its own and answers what it has measured. */
export async function runCell<Result>(
  services: BenchServices,
  order: Pick<CellOrder, 'cell' | 'jobs'>,
): Promise<Result> {
  const child = fork(new URL('./jobs-cell.js', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const full: CellOrder = {
    ...order,
    ...(await services.createDatabase()),
    redisUrl: order.cell.includes('redis') ? services.redisUrl : undefined,
  };
  child.on('message', (message: { readonly spent?: true }) => {
    if (!message.spent) return;
    child.send({ spent: services.spent() });
    void tellStatements(services, order.jobs);
  });
  const result = new Promise<Result>((resolve, reject) => {
    child.on('message', (message: { readonly result?: Result }) => {
      if (message.result !== undefined) resolve(message.result);
    });
    child.once('exit', (code) => reject(new Error(`the cell ${order.cell} ended with code ${code}`)));
  });
  child.send(full);
  try {
    return await result;
  } finally {
    if (child.exitCode === null) {
      child.disconnect();
      await once(child, 'exit');
    }
    await services.flushRedis();
    await services.dropDatabase(full.ownerUrl);
  }
}

async function tellStatements(services: BenchServices, jobs: number): Promise<void> {
  for (const line of await services.statements(jobs)) process.stderr.write(`${line}\n`);
}

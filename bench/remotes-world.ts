import path from 'node:path';
import { loadavg } from 'node:os';
import { head, median, quantile, row, write } from './jobs-common.js';
import { makeFolder, type Folder } from './remotes-files.js';
import { Steward } from './remotes-steward.js';
import type { BenchServices } from './services.js';

/** One Steward on a database of its own, with a folder for the files of one part. */
export interface World {
  readonly services: BenchServices;
  readonly steward: Steward;
  readonly folder: Folder;
  place(...names: readonly string[]): string;
}

export async function inWorld<T>(
  services: BenchServices,
  { bytes, redis = false }: { bytes: number; redis?: boolean },
  work: (world: World) => Promise<T>,
): Promise<T> {
  const folder = await makeFolder(bytes);
  const { ownerUrl } = await services.createDatabase();
  let steward: Steward | undefined;
  try {
    steward = await Steward.start({
      DATABASE_URL: ownerUrl,
      REDIS_URL: redis ? services.redisUrl : undefined,
      STEWARD_DATA_DIR: path.join(folder.path, 'data'),
      STEWARD_LOCAL_ROOTS: path.join(folder.path, 'files'),
      STEWARD_FILE_JOBS_PER_REMOTE: '100',
    });
    const place = (...names: readonly string[]): string => path.join(folder.path, 'files', ...names);
    return await work({ services, steward, folder, place });
  } finally {
    await steward?.stop();
    await services.flushRedis();
    await services.dropDatabase(ownerUrl);
    await folder.remove();
  }
}

export const backends = (services: BenchServices): readonly ('Redis' | 'PostgreSQL alone')[] =>
  services.redisUrl === undefined ? ['PostgreSQL alone'] : ['PostgreSQL alone', 'Redis'];

/** One after the other in each round, the order turned round every time; what the first rounds give is left out. */
export async function interleaved<Cells extends Record<string, (round: number) => Promise<unknown>>>(
  rounds: number,
  cells: Cells,
  { warmUp = 1 }: { warmUp?: number } = {},
): Promise<{ [Name in keyof Cells]: Awaited<ReturnType<Cells[Name]>>[] }> {
  const all = Object.entries(cells).map(([name, run]) => ({ name, run, results: [] as unknown[] }));
  for (let round = 0; round < rounds + warmUp; round++)
    for (const { run, results } of round % 2 === 0 ? all : all.toReversed()) {
      const result = await run(round);
      if (round >= warmUp) results.push(result);
    }
  return Object.fromEntries(all.map(({ name, results }) => [name, results])) as {
    [Name in keyof Cells]: Awaited<ReturnType<Cells[Name]>>[];
  };
}

/** The median with its quartiles. */
export function spread(values: readonly number[], digits = 0): string {
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)];
  return `${median(values).toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length;

/** What each round's second value is beside its first. */
export const inRounds = (
  first: readonly number[],
  second: readonly number[],
  compare: (a: number, b: number) => number,
): number[] => second.map((value, round) => compare(value, first[round] ?? Number.NaN));

export const ratio = (a: number, b: number): number => a / b;
export const difference = (a: number, b: number): number => a - b;

export function title(what: string, { folder }: Pick<World, 'folder'>): void {
  write(`### ${what}\n`);
  write(`Files in ${folder.on}; load ${loadavg()[0]?.toFixed(1)} at the end.\n`);
}

export function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  head(...heads);
  for (const cells of rows) row(...cells);
  write('');
}

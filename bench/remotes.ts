import { cpus, loadavg } from 'node:os';
import { write } from './jobs-common.js';
import { listing } from './remotes-listing.js';
import { memory } from './remotes-memory.js';
import { overhead } from './remotes-overhead.js';
import { rcloneVersion } from './remotes-plain.js';
import { large, small } from './remotes-trees.js';
import { startBenchServices, type BenchServices } from './services.js';

/**
 * The numbers of file jobs and listings, each beside what rclone does by itself in the same round. Quote the ratios
 * and differences: absolute figures move with the machine, and beside other work only processor time says much.
 *
 *   npm run bench:remotes                         everything
 *   npm run bench:remotes -- overhead 40          rounds
 *   npm run bench:remotes -- small 10000 7        files, rounds
 *   npm run bench:remotes -- large 1024 9         MiB, rounds
 *   npm run bench:remotes -- listing 10000 20     entries, rounds
 *   npm run bench:remotes -- memory 6             jobs
 */
const PARTS: Record<string, (services: BenchServices, numbers: readonly number[]) => Promise<void>> = {
  overhead: (services, [rounds = 40]) => overhead(services, rounds),
  small: (services, [files = 10_000, rounds = 7]) => small(services, files, rounds),
  large: (services, [mebibytes = 1_024, rounds = 9]) => large(services, mebibytes, rounds),
  listing: (services, [entries = 10_000, rounds = 20]) => listing(services, entries, rounds),
  memory: (services, [jobs = 6]) => memory(services, jobs),
};

async function main(): Promise<void> {
  const [part, ...numbers] = process.argv.slice(2);
  const parts = part === undefined ? Object.keys(PARTS) : [part];
  const unknown = parts.find((name) => !(name in PARTS));
  if (unknown !== undefined)
    throw new Error(`no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
  const rclone = rcloneVersion();
  if (rclone === null) throw new Error('rclone is not installed');
  const load = loadavg()[0]?.toFixed(1);
  const services = await startBenchServices();
  write(`${cpus().length} cores, load ${load} before, Node ${process.version}, rclone ${rclone}\n`);
  try {
    for (const name of parts) await PARTS[name]?.(services, numbers.map(Number));
  } finally {
    await services.stop();
  }
}

await main();

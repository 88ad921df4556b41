import { cpus, loadavg } from 'node:os';
import { write } from './jobs-common.js';
import { drain } from './jobs-drain.js';
import { enqueue } from './jobs-enqueue.js';
import { held } from './jobs-held.js';
import { latency } from './jobs-latency.js';
import { list } from './jobs-list.js';
import { memory } from './jobs-memory.js';
import { startBenchServices, type BenchServices } from './services.js';

/**
 * The numbers of the job engine, each beside its peers in the same run. Quote the ratios: absolute figures move with
 * the machine.
 *
 *   npm run bench:jobs                            everything
 *   npm run bench:jobs -- drain 20000 3           jobs, rounds
 *   npm run bench:jobs -- latency 1000            jobs
 *   npm run bench:jobs -- enqueue 5000 50000      jobs one by one, jobs in bulk
 *   npm run bench:jobs -- list 1000000            jobs
 *   npm run bench:jobs -- held 10000 10           jobs, minutes
 *   npm run bench:jobs -- memory 100000           jobs
 */
const PARTS: Record<string, (services: BenchServices, numbers: readonly number[]) => Promise<void>> = {
  drain: (services, [jobs = 20_000, rounds = 3]) => drain(services, jobs, rounds),
  latency: (services, [jobs = 500]) => latency(services, jobs),
  enqueue: (services, [singles = 3_000, bulk = 50_000]) => enqueue(services, singles, bulk),
  list: (services, [jobs = 1_000_000]) => list(services, jobs),
  held: (services, [jobs = 10_000, minutes = 0.25]) => held(services, jobs, minutes),
  memory: (services, [jobs = 100_000]) => memory(services, jobs),
};

async function main(): Promise<void> {
  const [part, ...numbers] = process.argv.slice(2);
  const parts = part === undefined ? Object.keys(PARTS) : [part];
  const unknown = parts.find((name) => !(name in PARTS));
  if (unknown !== undefined)
    throw new Error(`no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
  const services = await startBenchServices();
  write(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)} before, Node ${process.version}\n`);
  try {
    for (const name of parts) await PARTS[name]?.(services, numbers.map(Number));
  } finally {
    await services.stop();
  }
}

await main();

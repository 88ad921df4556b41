import { cpus, loadavg } from 'node:os';
import { write } from './jobs-common.js';
import { drain } from './jobs-drain.js';
import { startBenchServices, type BenchServices } from './services.js';

/**
 * The numbers of the job engine, each beside its peers in the same run. Quote the ratios: absolute figures move with
 * the machine.
 *
 *   npm run bench:jobs                            everything
 *   npm run bench:jobs -- drain 20000 3           jobs, rounds
 */
const PARTS: Record<string, (services: BenchServices, numbers: readonly number[]) => Promise<void>> = {
  drain: (services, [jobs = 20_000, rounds = 3]) => drain(services, jobs, rounds),
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

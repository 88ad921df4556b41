import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../src/kernel/database/embedded/postmaster.js';

/**
 * How long `npm run up` takes until the first 200 on /api/health/ready, and what the process holds in memory
 * then: the first start on an empty data directory, later starts, and, with --fresh, the whole way from
 * `git clone` (dependencies from the registry or npm's cache, build, database files).
 *
 *   npm run bench:start -- [--fresh]
 */
const CHECKOUT = path.resolve(import.meta.dirname, '../..');
const STARTS = 5;

interface Start {
  readonly seconds: number;
  readonly residentMegabytes: number;
}

async function up(checkout: string, dataDir: string, began: number): Promise<Start> {
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(checkout, 'scripts/up.mjs')], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: String(port),
      STEWARD_DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const ready = async (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/api/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const seconds = (performance.now() - began) / 1000;
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  child.kill('SIGTERM');
  await ended;
  return { seconds, residentMegabytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024 };
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);
const row = (what: string, { seconds, residentMegabytes }: Start): void =>
  write(`| ${what} | ${seconds.toFixed(2)} | ${Math.round(residentMegabytes)} |`);

async function main(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'steward-bench-start-'));
  write(`${cpus().length} cores, Node ${process.version}`);
  write('| npm run up | seconds to ready | resident MB |');
  write('| --- | --- | --- |');
  try {
    if (process.argv.includes('--fresh')) {
      const began = performance.now();
      const clone = path.join(directory, 'clone');
      execFileSync('git', ['clone', '--quiet', CHECKOUT, clone]);
      row('from git clone', await up(clone, path.join(directory, 'clone-data'), began));
    }
    const dataDir = path.join(directory, 'data');
    row('first start, installed and built', await up(CHECKOUT, dataDir, performance.now()));
    const later: Start[] = [];
    for (let i = 0; i < STARTS; i++) later.push(await up(CHECKOUT, dataDir, performance.now()));
    const [slowest] = later.toSorted((a, b) => b.seconds - a.seconds);
    const middle = later.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(STARTS / 2)];
    if (middle) row(`later start, median of ${STARTS}`, middle);
    if (slowest) row('later start, slowest', slowest);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

await main();

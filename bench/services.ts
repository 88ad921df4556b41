import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Keyring } from '../src/kernel/crypto/index.js';
import { applicationAccess } from '../src/kernel/database/application-role.js';
import { startEmbeddedPostgres } from '../src/kernel/database/embedded/embedded-postgres.js';
import { freePort } from '../src/kernel/database/embedded/postmaster.js';
import { migrate } from '../src/kernel/database/migrate.js';
import { parentOf, processorTime } from './processor-time.js';
import { withClient } from './with-client.js';

export interface BenchServices {
  readonly redisUrl: string | undefined;
  /** A migrated, empty database: its addresses for its owner and for the application, as a start finds them. */
  createDatabase(): Promise<{ ownerUrl: string; applicationUrl: string }>;
  dropDatabase(ownerUrl: string): Promise<void>;
  flushRedis(): Promise<void>;
  /** With BENCH_STATEMENTS=1: where PostgreSQL's time went since it was asked before. */
  statements(jobs: number): Promise<string[]>;
  /** Processor time the servers have used so far, in microseconds; not a number where that cannot be found out. */
  spent(): { postgres: number; redis: number };
  stop(): Promise<void>;
}

const WITH_STATEMENTS = process.env['BENCH_STATEMENTS'] !== undefined;

/** A durable PostgreSQL (default settings) and, where redis-server is installed, a Redis with its append-only file on. */
export async function startBenchServices(): Promise<BenchServices> {
  const directory = await mkdtemp(path.join(tmpdir(), 'steward-bench-'));
  const postgres = await startEmbeddedPostgres({
    directory: path.join(directory, 'postgres'),
    ...(WITH_STATEMENTS
      ? {
          settings: {
            shared_preload_libraries: 'pg_stat_statements',
            'pg_stat_statements.track_planning': 'on',
          },
        }
      : {}),
  });
  const postmaster = await pidOfPostmaster(postgres.url);
  const redis = await startRedis(directory);
  let made = 0;
  return {
    redisUrl: redis?.url,
    createDatabase: async () => {
      const name = `bench_${made++}`;
      await withClient(postgres.url, (client) => client.query(`create database ${name}`));
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      await migrate(url.href);
      const addresses = { ownerUrl: url.href, configuredUrl: url.href };
      const access = await applicationAccess(addresses, new Keyring('the secret of the benchmarks'));
      return { ownerUrl: url.href, applicationUrl: access.url };
    },
    dropDatabase: async (ownerUrl) => {
      const name = new URL(ownerUrl).pathname.slice(1);
      await withClient(postgres.url, (client) => client.query(`drop database ${name} with (force)`));
    },
    statements: async (jobs) => {
      if (!WITH_STATEMENTS) return [];
      return withClient(postgres.url, async (client) => {
        await client.query('create extension if not exists pg_stat_statements');
        const { rows } = await client.query<{ line: string }>(
          `select format('%s µs a job + %s planning, %s calls, %s plans: %s', round((1000 * total_exec_time / $1)::numeric, 2),
                         round((1000 * total_plan_time / $1)::numeric, 2), calls, plans,
                         left(regexp_replace(query, '\\s+', ' ', 'g'), 100)) as line
             from pg_stat_statements order by total_exec_time + total_plan_time desc limit 12`,
          [jobs],
        );
        await client.query('select pg_stat_statements_reset()');
        return rows.map(({ line }) => line);
      });
    },
    spent: () => ({
      postgres: processorTime(postmaster, 'with children'),
      redis: redis?.process.pid === undefined ? 0 : processorTime(redis.process.pid, 'alone'),
    }),
    flushRedis: async () => {
      if (redis) spawnSync('redis-cli', ['-p', String(redis.port), 'flushall']);
    },
    stop: async () => {
      redis?.process.kill('SIGKILL');
      await postgres.release();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The parent of the process that serves a connection. */
const pidOfPostmaster = (url: string): Promise<number> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return parentOf(rows[0]?.pid ?? 0);
  });

async function startRedis(
  directory: string,
): Promise<{ url: string; port: number; process: ChildProcess } | undefined> {
  if (spawnSync('redis-server', ['--version']).error) return undefined;
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    '--appendonly',
    'yes',
    '--maxmemory-policy',
    'noeviction',
  ];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept connections')) break;
  return { url: `redis://127.0.0.1:${port}`, port, process: child };
}

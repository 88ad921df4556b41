import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { Keyring } from '../src/kernel/crypto/index.js';
import { applicationAccess } from '../src/kernel/database/application-role.js';
import { startEmbeddedPostgres } from '../src/kernel/database/embedded/embedded-postgres.js';
import { freePort } from '../src/kernel/database/embedded/postmaster.js';
import { migrate } from '../src/kernel/database/migrate.js';

export interface BenchServices {
  readonly redisUrl: string | undefined;
  /** A migrated, empty database: its addresses for its owner and for the application, as a start finds them. */
  createDatabase(): Promise<{ ownerUrl: string; applicationUrl: string }>;
  flushRedis(): Promise<void>;
  stop(): Promise<void>;
}

/** A durable PostgreSQL (default settings) and, where redis-server is installed, a Redis with its append-only file on. */
export async function startBenchServices(): Promise<BenchServices> {
  const directory = await mkdtemp(path.join(tmpdir(), 'steward-bench-'));
  const postgres = await startEmbeddedPostgres({ directory: path.join(directory, 'postgres') });
  const redis = await startRedis(directory);
  let made = 0;
  return {
    redisUrl: redis?.url,
    createDatabase: async () => {
      const name = `bench_${made++}`;
      const client = new Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      await migrate(url.href);
      const addresses = { ownerUrl: url.href, configuredUrl: url.href };
      const access = await applicationAccess(addresses, new Keyring('the secret of the benchmarks'));
      return { ownerUrl: url.href, applicationUrl: access.url };
    },
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

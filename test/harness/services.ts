import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, escapeIdentifier } from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/kernel/database/embedded/embedded-postgres.js';
import { freePort } from '../../src/kernel/database/embedded/postmaster.js';
import { findProgram } from '../../scripts/lib/programs.mjs';
import { until } from './until.js';

/** Where a migrated, empty database can be cloned from. */
const TEMPLATE = 'steward_template';

declare module 'vitest' {
  interface ProvidedContext {
    /** A database to give orders from; tests work in clones of `templateDatabase`. */
    postgresUrl: string;
    templateDatabase: string;
    /** Empty where there is no redis-server. */
    redisUrl: string;
    rclonePresent: boolean;
    /** The file that collects what was not run; empty when nobody reads it. */
    notRunFile: string;
  }
}

interface Services {
  readonly postgresUrl: string;
  readonly redisUrl: string;
  stop(): Promise<void>;
}

interface Shared {
  users: number;
  services: Promise<Services>;
}

/**
 * Each vitest project that lists this file loads a copy of it of its own; through this place the copies share one
 * set of servers, stopped by the last project.
 */
declare global {
  var stewardTestServices: Shared | undefined;
}

export async function setup(project: TestProject): Promise<void> {
  const shared = (globalThis.stewardTestServices ??= { users: 0, services: startServices() });
  shared.users += 1;
  const { postgresUrl, redisUrl } = await shared.services;
  project.provide('postgresUrl', postgresUrl);
  project.provide('templateDatabase', TEMPLATE);
  project.provide('redisUrl', redisUrl);
  project.provide('rclonePresent', findProgram(process.env['RCLONE_PATH'] ?? 'rclone') !== undefined);
  project.provide('notRunFile', process.env['STEWARD_TEST_NOT_RUN_FILE'] ?? '');
}

export async function teardown(): Promise<void> {
  const shared = globalThis.stewardTestServices;
  if (shared === undefined) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  globalThis.stewardTestServices = undefined;
  await (await shared.services).stop();
}

async function startServices(): Promise<Services> {
  const directory = await mkdtemp(path.join(tmpdir(), 'steward-test-services-'));
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const each of stops.toReversed()) await each();
  };
  try {
    const postgres = await startEmbeddedPostgres({
      directory: path.join(directory, 'postgres'),
      // Nothing here has to survive a power cut.
      settings: {
        fsync: 'off',
        full_page_writes: 'off',
        synchronous_commit: 'off',
        max_connections: '300',
      },
    });
    stops.push(() => postgres.release());
    await createTemplate(postgres.url);
    const redis = await startRedis(directory);
    if (redis !== undefined) stops.push(redis.stop);
    return { postgresUrl: postgres.url, redisUrl: redis?.url ?? '', stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The migrations are the built ones, so that what is tested is what is shipped. */
async function createTemplate(postgresUrl: string): Promise<void> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(`create database ${escapeIdentifier(TEMPLATE)}`);
  } finally {
    await client.end();
  }
  const url = new URL(postgresUrl);
  url.pathname = `/${TEMPLATE}`;
  const built = pathToFileURL(path.resolve(import.meta.dirname, '../../dist/src/kernel/database/migrate.js'));
  const { migrate }: { migrate: (url: string) => Promise<void> } = await import(built.href);
  await migrate(url.href);
}

/** A Redis of its own, empty and without files; undefined where there is no redis-server. */
async function startRedis(
  directory: string,
): Promise<{ url: string; stop: () => Promise<void> } | undefined> {
  const program = findProgram('redis-server');
  if (program === undefined) return undefined;
  const port = await freePort();
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction' };
  const args = Object.entries({ ...options, dir: directory }).flatMap(([k, v]) => [`--${k}`, String(v)]);
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await until(() => child.exitCode !== null || listens(port), { describe: 'redis-server to listen' });
  if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      if (isRunning(child)) child.kill('SIGKILL');
      await ended;
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

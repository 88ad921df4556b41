import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, escapeIdentifier } from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/kernel/database/embedded/embedded-postgres.js';
import { findProgram } from '../../scripts/lib/programs.mjs';
import { startRedisServer } from './redis-server.js';

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
    const redis =
      findProgram('redis-server') === undefined
        ? undefined
        : await startRedisServer({ dir: directory, 'maxmemory-policy': 'noeviction' });
    if (redis !== undefined) stops.push(() => redis.kill());
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

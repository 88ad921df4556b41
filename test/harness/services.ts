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
    /** The login role that the application works as in every clone of the template. */
    applicationUser: { name: string; password: string };
    /** Empty where there is no redis-server. */
    redisUrl: string;
    rclonePresent: boolean;
    /** The file that collects what was not run; empty when nobody reads it. */
    notRunFile: string;
  }
}

interface Services {
  readonly postgresUrl: string;
  readonly applicationUser: { name: string; password: string };
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
  const { postgresUrl, applicationUser, redisUrl } = await shared.services;
  project.provide('postgresUrl', postgresUrl);
  project.provide('templateDatabase', TEMPLATE);
  project.provide('applicationUser', applicationUser);
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
    const applicationUser = await createTemplate(postgres.url);
    const redis =
      findProgram('redis-server') === undefined
        ? undefined
        : await startRedisServer({ dir: directory, 'maxmemory-policy': 'noeviction' });
    if (redis !== undefined) stops.push(() => redis.kill());
    return { postgresUrl: postgres.url, applicationUser, redisUrl: redis?.url ?? '', stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The migrations are the built ones, so that what is tested is what is shipped. Roles belong to the whole server, so
 * the one made here with its grants is the application's in every clone.
 */
async function createTemplate(postgresUrl: string): Promise<{ name: string; password: string }> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(`create database ${escapeIdentifier(TEMPLATE)}`);
  } finally {
    await client.end();
  }
  const url = new URL(postgresUrl);
  url.pathname = `/${TEMPLATE}`;
  const { migrate } =
    await built<typeof import('../../src/kernel/database/migrate.js')>('database/migrate.js');
  await migrate(url.href);
  const { applicationAccess } = await built<typeof import('../../src/kernel/database/application-role.js')>(
    'database/application-role.js',
  );
  const { Keyring } = await built<typeof import('../../src/kernel/crypto/keyring.js')>('crypto/keyring.js');
  const addresses = { ownerUrl: url.href, configuredUrl: url.href };
  const access = await applicationAccess(addresses, new Keyring('the secret of the test template'));
  if (access.warnings.length > 0) throw new Error(access.warnings.join('\n'));
  const { username, password } = new URL(access.url);
  return { name: username, password };
}

function built<Module>(file: string): Promise<Module> {
  const place = path.resolve(import.meta.dirname, '../../dist/src/kernel', file);
  return import(pathToFileURL(place).href) as Promise<Module>;
}

import { mkdir, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { redisUrl } from '../harness/capabilities.js';
import { createTestDatabase } from '../harness/database.js';
import { freePort } from '../../src/kernel/database/embedded/postmaster.js';
import { Proxy } from '../faults/proxy.js';
import { StewardProcess, scratch, type Exit } from '../harness/process.js';
import { startRedisServer } from '../harness/redis-server.js';
import { until } from '../harness/until.js';

/** What an operator gets wrong: each is told in words, ends with code 1 and leaves nothing half-done. */
describe('a start that cannot succeed', () => {
  let directory: { path: string; remove: () => Promise<void> };
  beforeEach(async () => {
    directory = await scratch();
  });
  afterEach(() => directory.remove());

  const refused = async (environment: Record<string, string>): Promise<Exit> => {
    const exit = await StewardProcess.spawn(
      {
        STEWARD_DATA_DIR: path.join(directory.path, 'data'),
        STEWARD_STORE_WAIT_SECONDS: '0',
        ...environment,
      },
      directory.path,
    ).exit();
    expect(exit.code).toBe(1);
    expect(exit.output).not.toMatch(/\n\s+at /); // words, not a stack trace
    return exit;
  };

  it('names every malformed setting at once', async () => {
    const { output } = await refused({
      PORT: 'http',
      LOG_LEVEL: 'loud',
      STEWARD_ROLE: 'king',
      STEWARD_ADMIN_EMIAL: 'a@b.c',
    });
    for (const part of [
      'PORT must be',
      '"http"',
      'LOG_LEVEL must be one of',
      'STEWARD_ROLE must be one of',
      'did you mean STEWARD_ADMIN_EMAIL',
    ])
      expect(output).toContain(part);
  });

  it('says which port is in use', async () => {
    const database = await createTestDatabase();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { output } = await refused({ DATABASE_URL: database.url, PORT: String(port) });
    expect(output).toContain(`Port ${port} on 127.0.0.1 is in use`);
    server.close();
    await database.drop();
  });

  it('says that the database is out of reach, refuses the password, or does not exist', async () => {
    const away = await refused({ DATABASE_URL: 'postgres://steward:hidden-word@127.0.0.1:1/steward' });
    expect(away.output).toContain('127.0.0.1:1/steward cannot be reached');
    const url = new URL(inject('postgresUrl'));
    url.pathname = '/no_such_database';
    expect((await refused({ DATABASE_URL: url.href })).output).toContain('does not exist');
    url.password = 'hidden-word';
    const wrong = await refused({ DATABASE_URL: url.href });
    expect(wrong.output).toContain('refuses the user or the password');
    expect(away.output + wrong.output).not.toContain('hidden-word');
  });

  it('refuses the data directory of another PostgreSQL and leaves it alone', async () => {
    const cluster = path.join(directory.path, 'data/postgres/cluster');
    await mkdir(cluster, { recursive: true });
    await writeFile(path.join(cluster, 'PG_VERSION'), '19\n');
    const { output } = await refused({});
    expect(output).toMatch(/PostgreSQL 19/);
    expect(output).toMatch(/18/);
  });

  it.skipIf(redisUrl() === undefined)('refuses a Redis that evicts keys', async () => {
    const database = await createTestDatabase();
    const redis = await startRedisServer({ 'maxmemory-policy': 'allkeys-lru' });
    const { output } = await refused({ DATABASE_URL: database.url, REDIS_URL: redis.url });
    expect(output).toContain('allkeys-lru');
    expect(output).toContain('noeviction');
    await redis.kill();
    await database.drop();
  });
});

/** What is there in a moment is waited for. */
describe('a start before its stores', () => {
  it('says that it waits, serves nothing, and goes on when PostgreSQL is there', async () => {
    const [directory, database, port] = [await scratch(), await createTestDatabase(), await freePort()];
    const url = new URL(database.url);
    const target = Number(url.port);
    url.port = String(port);
    const one = StewardProcess.spawn(
      { STEWARD_DATA_DIR: path.join(directory.path, 'data'), DATABASE_URL: url.href },
      directory.path,
    );
    await until(() => one.said.includes('waiting up to 60 s. DATABASE_URL: the database at 127.0.0.1'), {
      describe: () => `it to say that it waits: ${one.said}`,
    });
    expect(one.said).not.toContain('Steward runs');
    const cable = await Proxy.to(target, port);
    const answer = await fetch(`${await one.url()}/api/health/ready`);
    expect(answer.status).toBe(200);
    expect((await one.end('SIGTERM')).code).toBe(0);
    cable.close();
    await database.drop();
    await directory.remove();
  });
});

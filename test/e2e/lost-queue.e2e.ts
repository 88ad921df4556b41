import { Redis } from 'ioredis';
import pg from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestJobsModule } from '../factories/jobs.js';
import { TestApp } from '../harness/app.js';
import { redisUrl } from '../harness/capabilities.js';
import { startRedisServer, type RedisServer } from '../harness/redis-server.js';
import { until } from '../harness/until.js';

const JOBS = 3_000;

describe.skipIf(redisUrl() === undefined)('a Redis that has lost everything', () => {
  let server: RedisServer;
  let app: TestApp;
  let sql: pg.Client;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedisServer({ 'maxmemory-policy': 'noeviction' });
    app = await TestApp.start({ redisUrl: server.url, modules: [TestJobsModule] });
    sql = new pg.Client({ connectionString: app.settings.databaseUrl });
    await sql.connect();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await sql.end();
    await app.stop();
    await server.kill();
  });

  /** The rows as they are while their messages wait in the queue. */
  const queue = async (): Promise<void> => {
    await sql.query(
      `insert into jobs (id, user_id, type, queue, payload, timeout_seconds, status, dispatch_no, dispatched_at)
         select made.id, users.id, 'test-echo', 'default', '{"text": "lost"}', 60, 'queued', 1, clock_timestamp()
           from users, unnest($1::uuid[]) as made(id)`,
      [Array.from({ length: JOBS }, () => v7())],
    );
  };
  const count = async (where: string): Promise<number> => {
    const { rows } = await sql.query<{ jobs: number }>(
      `select count(*)::integer as jobs from jobs where ${where}`,
    );
    return rows[0]!.jobs;
  };
  const markOf = async (): Promise<string | null> => {
    const [key] = await redis.keys('*:hints-since');
    return key === undefined ? null : redis.get(key);
  };

  it('is noticed at once: what waited in it runs long before single messages would be missed', async () => {
    const mark = await until(markOf, { describe: 'the mark' });
    await queue();
    const began = performance.now();
    await redis.flushall();
    const done = `dispatch_no = 2 and status = 'completed'`;
    await until(async () => (await count(done)) === JOBS, { describe: 'all jobs to complete' });
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(Number(await markOf())).toBeGreaterThan(Number(mark));
  });
});

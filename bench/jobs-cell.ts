import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Queue,
  Worker,
  createPostgresBackend,
  setDefaultBackendFactory,
  type ConnectionOptions,
} from 'bullmq';
import { Client, Pool } from 'pg';
import { v7 } from 'uuid';
import { z } from 'zod';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { Log } from '../src/kernel/log/index.js';
import { HandlesJob, JobHandler, defineJob } from '../src/modules/jobs/index.js';
import type { CellOrder, CellResult } from './jobs.js';

const CONCURRENCY = 50;
const payload = z.strictObject({ n: z.number() });

@HandlesJob(defineJob({ name: 'no-op', summary: 'Nothing, in shared hints.', payload, hintSize: 100 }))
class NoOp extends JobHandler {
  async run(): Promise<null> {
    return null;
  }
}

@HandlesJob(defineJob({ name: 'no-op-single', summary: 'Nothing, one hint per job.', payload, hintSize: 1 }))
class NoOpSingle extends JobHandler {
  async run(): Promise<null> {
    return null;
  }
}

@Module({ providers: [NoOp, NoOpSingle] })
class NoOpModule {}

/** The rows are there before the engine starts; the database's own stamps say how long the drain took. */
async function drainSteward({ cell, jobs, ownerUrl, applicationUrl, redisUrl }: CellOrder): Promise<number> {
  const type = cell.endsWith('single') ? 'no-op-single' : 'no-op';
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  const userId = v7();
  await client.query(
    `insert into users (id, email, email_key) values ($1, 'bench@steward.local', 'bench@steward.local')`,
    [userId],
  );
  await client.query(
    `insert into jobs (id, user_id, type, queue, payload, run_at, turn) select id, $2, $3, 'default', '{"n": 1}', now(), 0 from unnest($1::uuid[]) as id`,
    [Array.from({ length: jobs }, () => v7()), userId, type],
  );
  const settings = loadSettings({
    DATABASE_URL: applicationUrl,
    REDIS_URL: redisUrl,
    STEWARD_WORKER_CONCURRENCY: String(CONCURRENCY),
    LOG_LEVEL: 'warn',
  });
  const log = Log.create({ level: 'warn', format: 'json' });
  const app = await NestFactory.createApplicationContext(
    {
      module: AppModule,
      imports: [
        ...(AppModule.forRoot({ settings, databaseUrl: applicationUrl, log }).imports ?? []),
        NoOpModule,
      ],
    },
    { logger: log },
  );
  for (;;) {
    const { rows } = await client.query<{ done: number; seconds: number }>(
      `select count(*) filter (where status = 'completed')::integer as done, extract(epoch from max(completed_at) - min(started_at))::float as seconds from jobs`,
    );
    const { done = 0, seconds = 0 } = rows[0] ?? {};
    if (done === jobs) {
      await app.close().catch(() => undefined);
      return jobs / seconds;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function drainBullMq({ jobs, ownerUrl, redisUrl }: CellOrder): Promise<number> {
  let connection: ConnectionOptions;
  if (redisUrl === undefined) {
    setDefaultBackendFactory(createPostgresBackend);
    const pool = new Pool({
      connectionString: ownerUrl,
      options: '-c search_path=bullmq',
      max: 12,
      keepAlive: true,
    });
    pool.setMaxListeners(0);
    connection = pool;
  } else connection = { url: redisUrl, maxRetriesPerRequest: null };
  const queue = new Queue('raw', {
    connection,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  for (let sent = 0; sent < jobs; sent += 1000)
    await queue.addBulk(
      Array.from({ length: Math.min(1000, jobs - sent) }, () => ({ name: 'no-op', data: { n: 1 } })),
    );
  let began = 0;
  let done = 0;
  return new Promise((resolve) => {
    const worker = new Worker('raw', async () => void (began ||= performance.now()), {
      connection,
      concurrency: CONCURRENCY,
    });
    worker.on('completed', () => {
      if (++done === jobs) resolve(jobs / ((performance.now() - began) / 1000));
    });
  });
}

process.once('message', (message) => {
  const order = message as CellOrder;
  const work = order.cell.startsWith('steward') ? drainSteward(order) : drainBullMq(order);
  work.then(
    (jobsPerSecond) =>
      process.send?.({
        jobsPerSecond,
        residentMegabytes: process.memoryUsage.rss() / 1_048_576,
      } satisfies CellResult),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});

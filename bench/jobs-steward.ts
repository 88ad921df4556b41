import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { z } from 'zod';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { Log } from '../src/kernel/log/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../src/modules/jobs/index.js';
import { CONCURRENCY, type CellOrder } from './jobs-common.js';
import { WARM_UP, type DrainResult } from './jobs-drain.js';
import { Stopwatch } from './jobs-stopwatch.js';

const payload = z.strictObject({ n: z.number() });

/** Told of every attempt. */
export const watcher: { started: (context: JobContext) => void } = { started: () => undefined };

@HandlesJob(defineJob({ name: 'no-op', summary: 'Nothing, in shared hints.', payload, hintSize: 100 }))
class NoOp extends JobHandler {
  async run(context: JobContext): Promise<null> {
    watcher.started(context);
    return null;
  }
}

@HandlesJob(defineJob({ name: 'no-op-single', summary: 'Nothing, one hint per job.', payload, hintSize: 1 }))
class NoOpSingle extends JobHandler {
  async run(context: JobContext): Promise<null> {
    watcher.started(context);
    return null;
  }
}

@Module({ providers: [NoOp, NoOpSingle] })
class NoOpModule {}

/** One process with everything in it, as `npm run up` starts it, without its port. */
export async function startSteward({
  applicationUrl,
  redisUrl,
}: Pick<CellOrder, 'applicationUrl' | 'redisUrl'>): Promise<INestApplicationContext> {
  const settings = loadSettings({
    DATABASE_URL: applicationUrl,
    REDIS_URL: redisUrl,
    STEWARD_WORKER_CONCURRENCY: String(CONCURRENCY),
    LOG_LEVEL: 'warn',
  });
  const log = Log.create({ level: 'warn', format: 'json' });
  return NestFactory.createApplicationContext(
    {
      module: AppModule,
      imports: [
        ...(AppModule.forRoot({ settings, databaseUrl: applicationUrl, log }).imports ?? []),
        NoOpModule,
      ],
    },
    { logger: log },
  );
}

export async function connectOwner({ ownerUrl }: Pick<CellOrder, 'ownerUrl'>): Promise<Client> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  return client;
}

export async function plantUser(client: Client): Promise<string> {
  const id = v7();
  await client.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [
    id,
    `${id}@steward.local`,
  ]);
  return id;
}

/** Due jobs as the service would have made them. */
export async function plantJobs(client: Client, userId: string, type: string, jobs: number): Promise<void> {
  for (let made = 0; made < jobs; made += 10_000)
    await client.query(
      `insert into jobs (id, user_id, type, queue, payload, run_at, turn)
       select id, $2, $3, 'default', '{"n": 1}', now(), 0 from unnest($1::uuid[]) as id`,
      [Array.from({ length: Math.min(10_000, jobs - made) }, () => v7()), userId, type],
    );
}

/** Until as many rows say so. Asked only after every handler has run, so that the question costs the drain nothing. */
export async function untilCompleted(client: Client, jobs: number): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ done: number }>(
      `select count(*)::integer as done from jobs where completed_at is not null`,
    );
    if (rows[0]?.done === jobs) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The rows are there before the engine starts. The watch stops when every row says completed. */
export async function drainSteward(order: CellOrder): Promise<DrainResult> {
  const client = await connectOwner(order);
  const type = order.cell.endsWith('single') ? 'no-op-single' : 'no-op';
  await plantJobs(client, await plantUser(client), type, WARM_UP + order.jobs);
  await client.query('vacuum analyze jobs');
  const watch = new Stopwatch();
  let handled = 0;
  const allHandled = new Promise<void>((resolve) => {
    watcher.started = () => {
      handled++;
      if (handled === WARM_UP) watch.start();
      if (handled === WARM_UP + order.jobs) resolve();
    };
  });
  const app = await startSteward(order);
  await allHandled;
  await untilCompleted(client, WARM_UP + order.jobs);
  const result = await watch.stop(order.jobs);
  await client.end();
  await app.close().catch(() => undefined);
  return result;
}

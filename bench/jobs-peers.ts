import {
  Queue,
  Worker,
  createPostgresBackend,
  setDefaultBackendFactory,
  type ConnectionOptions,
} from 'bullmq';
import { run, runMigrations, type TaskList } from 'graphile-worker';
import { Pool } from 'pg';
import PgBoss from 'pg-boss';
import { CONCURRENCY, type CellOrder } from './jobs-common.js';
import { WARM_UP, type DrainResult } from './jobs-drain.js';
import { Stopwatch } from './jobs-stopwatch.js';

const payloads = (from: number, total: number, size: number): { n: number }[] =>
  Array.from({ length: Math.min(size, total - from) }, () => ({ n: 1 }));

/** BullMQ by itself: no record of a job is kept. */
export async function drainBullMq({ jobs, ownerUrl, redisUrl }: CellOrder): Promise<DrainResult> {
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
  const defaultJobOptions = { removeOnComplete: true, removeOnFail: true };
  const queue = new Queue('raw', { connection, defaultJobOptions });
  const total = WARM_UP + jobs;
  for (let sent = 0; sent < total; sent += 1000)
    await queue.addBulk(payloads(sent, total, 1000).map((data) => ({ name: 'no-op', data })));
  const watch = new Stopwatch();
  let completed = 0;
  await new Promise<void>((resolve) => {
    const worker = new Worker('raw', async () => undefined, { connection, concurrency: CONCURRENCY });
    worker.on('completed', () => {
      if (++completed === WARM_UP) watch.start();
      if (completed === total) resolve();
    });
  });
  return watch.stop(jobs);
}

/** Batches fetched and completed together, two at a time, without a pause between them: nothing polls. */
const PG_BOSS = { batch: 500, loops: 2 } as const;

export async function drainPgBoss({ jobs, ownerUrl }: CellOrder): Promise<DrainResult> {
  const boss = new PgBoss({ connectionString: ownerUrl, max: 4, schedule: false });
  boss.on('error', (error) => process.stderr.write(`${error.message}\n`));
  await boss.start();
  await boss.createQueue('raw');
  const total = WARM_UP + jobs;
  for (let sent = 0; sent < total; sent += 1000)
    await boss.insert(payloads(sent, total, 1000).map((data) => ({ name: 'raw', data })));
  const watch = new Stopwatch();
  let completed = 0;
  let started = false;
  const loop = async (): Promise<void> => {
    for (;;) {
      const batch = await boss.fetch<{ n: number }>('raw', { batchSize: PG_BOSS.batch });
      if (batch.length === 0) return;
      await Promise.all(batch.map(async () => undefined));
      await boss.complete(
        'raw',
        batch.map(({ id }) => id),
      );
      completed += batch.length;
      if (!started && completed >= WARM_UP) {
        started = true;
        completed = 0;
        watch.start();
      }
    }
  };
  await Promise.all(Array.from({ length: PG_BOSS.loops }, loop));
  const result = await watch.stop(completed);
  await boss.stop({ graceful: false });
  return result;
}

/** Jobs come 500 at a time from a local queue; their completions are gathered. Completed jobs are deleted. */
export async function drainGraphileWorker({ jobs, ownerUrl }: CellOrder): Promise<DrainResult> {
  const pgPool = new Pool({ connectionString: ownerUrl, max: CONCURRENCY });
  pgPool.on('error', () => undefined);
  const preset = {
    worker: {
      concurrentJobs: CONCURRENCY,
      pollInterval: 2000,
      maxPoolSize: CONCURRENCY,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  };
  await runMigrations({ pgPool, preset });
  const total = WARM_UP + jobs;
  await pgPool.query(
    `select count(graphile_worker.add_job('no-op', '{"n":1}')) from generate_series(1, $1)`,
    [total],
  );
  const watch = new Stopwatch();
  let handled = 0;
  let resolveAll: () => void = () => undefined;
  const allHandled = new Promise<void>((resolve) => (resolveAll = resolve));
  const taskList: TaskList = {
    'no-op': async () => {
      if (++handled === WARM_UP) watch.start();
      if (handled === total) resolveAll();
    },
  };
  const runner = await run({ pgPool, preset, taskList });
  await allHandled;
  for (;;) {
    const { rows } = await pgPool.query(`select 1 from graphile_worker._private_jobs limit 1`);
    if (rows.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const result = await watch.stop(jobs);
  await runner.stop().catch(() => undefined);
  return result;
}

import { Module, type INestApplicationContext, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { z } from 'zod';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { Log } from '../src/kernel/log/index.js';
import {
  HandlesJob,
  JobHandler,
  defineJob,
  type JobContext,
  type JobDefinition,
} from '../src/modules/jobs/index.js';
import { CONCURRENCY, type CellOrder } from './jobs-common.js';
import { WARM_UP, type DrainResult } from './jobs-drain.js';
import { Stopwatch } from './jobs-stopwatch.js';

const payload = z.strictObject({ n: z.number() });

/** Told of every attempt. */
export const watcher: { started: (context: JobContext, payload: { n: number }) => void } = {
  started: () => undefined,
};

/** A job type that does nothing. */
function noOp(definition: Pick<JobDefinition, 'name' | 'summary' | 'hintSize' | 'notifies'>): Provider {
  @HandlesJob(defineJob({ ...definition, payload }))
  class NoOp extends JobHandler {
    async run(context: JobContext, given: z.output<typeof payload>): Promise<null> {
      watcher.started(context, given);
      return null;
    }
  }
  return NoOp;
}

@Module({
  providers: [
    noOp({ name: 'no-op', summary: 'Nothing, in shared hints.', hintSize: 100, notifies: 'failures' }),
    noOp({ name: 'no-op-single', summary: 'Nothing, one hint per job.', hintSize: 1, notifies: 'failures' }),
    noOp({ name: 'no-op-told', summary: 'Nothing, but its owner is told.', hintSize: 100, notifies: 'ends' }),
  ],
})
export class NoOpModule {}

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

/** Jobs that were planted so far. */
export interface Planted {
  readonly userId: string;
  readonly type: string;
  made: number;
}

export async function plantUser(client: Client): Promise<string> {
  const id = v7();
  await client.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [
    id,
    `${id}@steward.local`,
  ]);
  return id;
}

/**
 * Due jobs as the service would have made them, each of the owner's a turn behind the one before; `made` of them were
 * planted earlier. Their ids are made by the server, so that memory stays what it was.
 */
export async function plantJobs(
  client: Client,
  userId: string,
  type: string,
  jobs: number,
  made = 0,
): Promise<void> {
  await client.query(
    `insert into jobs (id, user_id, type, queue, payload, run_at, turn)
     select (substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8' || substr(r, 4, 3) || '-' || substr(r, 7, 12))::uuid,
            $1, $2, 'default', '{"n": 1}', now(), $4::bigint + n
       from (select lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') as t,
                    md5(random()::text || n) as r, n
               from generate_series(1, $3::integer) as n) as ids`,
    [userId, type, jobs, made],
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
  const type = /-(single|told)$/.exec(order.cell)?.[0] ?? '';
  await plantJobs(client, await plantUser(client), `no-op${type}`, WARM_UP + order.jobs);
  await client.query('vacuum analyze jobs');
  const watch = new Stopwatch(order.cell);
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

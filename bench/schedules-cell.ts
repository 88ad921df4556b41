import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { Log } from '../src/kernel/log/index.js';
import { ScheduleTicker } from '../src/modules/schedules/schedule-ticker.js';
import { SlotMaterialiser } from '../src/modules/schedules/slot-materialiser.js';
import { NoOpModule } from './jobs-steward.js';
import type { SchedulerOrder, SchedulerResult } from './schedules-common.js';
import { setTimeout as sleep } from 'node:timers/promises';

/** A scheduler as it is started in production, without its port; only for `ticks` do its timers tick. */
async function start({ applicationUrl, work }: SchedulerOrder) {
  const settings = loadSettings({
    DATABASE_URL: applicationUrl,
    LOG_LEVEL: 'warn',
    STEWARD_ROLE: work === 'ticks' ? 'scheduler' : 'api',
  });
  const log = Log.create({ level: 'warn', format: 'json' });
  const imports = AppModule.forRoot({ settings, databaseUrl: applicationUrl, log }).imports ?? [];
  return NestFactory.createApplicationContext(
    { module: AppModule, imports: [...imports, NoOpModule] },
    { logger: log },
  );
}

async function measure(order: SchedulerOrder, begin: Promise<void>): Promise<SchedulerResult> {
  const app = await start(order);
  const materialiser = app.get(SlotMaterialiser, { strict: false });
  process.send?.({ ready: true });
  await begin;
  const times: number[] = [];
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const result = await work();
    times.push(performance.now() - from);
    return result;
  };
  const began = Date.now();
  const before = process.cpuUsage();
  if (order.work === 'batches') while (await timed(() => materialiser.batch()));
  if (order.work === 'idle')
    for (let looks = 0; looks < order.amount; looks++) await timed(() => materialiser.nextDue());
  if (order.work === 'ticks') await sleep(order.amount * 1000);
  const ended = Date.now();
  const { user, system } = process.cpuUsage(before);
  if (order.work === 'ticks') await app.get(ScheduleTicker, { strict: false }).beforeApplicationShutdown();
  return { times, began, ended, cpu: user + system };
}

process.once('message', (message) => {
  const begin = new Promise<void>((resolve) => process.once('message', () => resolve()));
  process.once('disconnect', () => process.exit(0));
  measure(message as SchedulerOrder, begin).then(
    (result) => process.send?.({ result }),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});

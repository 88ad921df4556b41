import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Settings } from '../kernel/config/index.js';
import { migrationStatus } from '../kernel/database/migrate.js';
import type { OpenDatabase } from '../kernel/database/open-database.js';
import type { Runtime } from '../kernel/kernel.module.js';
import { Log } from '../kernel/log/index.js';
import { CommandError } from './failure.js';

/**
 * The parts of the application a command needs, in a process that serves and works on nothing: it must not begin to
 * work off the queue. Throws `CommandError` when the schema is not up to date.
 */
export async function withApplication<T>(
  settings: Settings,
  database: OpenDatabase,
  root: (runtime: Runtime) => DynamicModule,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  if ((await migrationStatus(database.ownerUrl)).some(({ applied }) => !applied))
    throw new CommandError('The database is not up to date; run "migrate up" first.');
  const log = Log.create({ level: 'error', format: settings.logFormat });
  const idle: Settings = Object.assign({}, settings, { role: 'api' as const });
  const app = await NestFactory.createApplicationContext(
    root({ settings: idle, databaseUrl: database.url, log }),
    { logger: log, abortOnError: false },
  );
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}

import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../app.module.js';
import type { Settings } from '../kernel/config/index.js';
import { migrationStatus } from '../kernel/database/migrate.js';
import type { OpenDatabase } from '../kernel/database/open-database.js';
import { AppError } from '../kernel/http/index.js';
import { Log } from '../kernel/log/index.js';
import { CommandError } from './failure.js';

/**
 * The whole application as a process that serves and works on nothing: what an erasure leaves to be removed is the
 * matter of the processes that do. Throws `CommandError` when the schema is not up to date, or for the user's fault.
 */
export async function withSteward<T>(
  settings: Settings,
  database: OpenDatabase,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  if ((await migrationStatus(database.ownerUrl)).some(({ applied }) => !applied))
    throw new CommandError('The database is not up to date; run "migrate up" first.');
  const log = Log.create({ level: 'error', format: settings.logFormat });
  const alone: Settings = Object.assign({}, settings, { role: 'api' as const });
  const app = await NestFactory.createApplicationContext(
    AppModule.forRoot({ settings: alone, databaseUrl: database.url, log }),
    { logger: log, abortOnError: false },
  );
  try {
    return await work(app);
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(error.message);
    throw error;
  } finally {
    await app.close();
  }
}

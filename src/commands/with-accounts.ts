import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Settings } from '../kernel/config/index.js';
import { migrationStatus } from '../kernel/database/migrate.js';
import { KernelModule, type Runtime } from '../kernel/kernel.module.js';
import { Log } from '../kernel/log/index.js';
import { AuthModule } from '../modules/auth/index.js';
import { CommandError } from './failure.js';

/** Accounts without jobs: a command must not begin to work off the queue. */
@Module({})
class AdminCommands {
  static forRoot(runtime: Runtime): DynamicModule {
    return { module: AdminCommands, imports: [KernelModule.forRoot(runtime), AuthModule] };
  }
}

/** Works with the accounts of a database. Throws `CommandError` when its schema is not up to date. */
export async function withAccounts<T>(
  settings: Settings,
  databaseUrl: string,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  if ((await migrationStatus(databaseUrl)).some(({ applied }) => !applied))
    throw new CommandError('The database is not up to date; run "migrate up" first.');
  const log = Log.create({ level: 'error', format: settings.logFormat });
  // Without Redis, which an account does not need and which may be what is broken; and not as a worker.
  const alone: Settings = Object.assign({}, settings, { redisUrl: undefined, role: 'api' as const });
  const app = await NestFactory.createApplicationContext(
    AdminCommands.forRoot({ settings: alone, databaseUrl, log }),
    { logger: log, abortOnError: false },
  );
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}

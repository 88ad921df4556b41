import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import type { Settings } from '../kernel/config/index.js';
import type { OpenDatabase } from '../kernel/database/open-database.js';
import { KernelModule, type Runtime } from '../kernel/kernel.module.js';
import { AuthModule } from '../modules/auth/index.js';
import { withApplication } from './with-application.js';

/** Accounts without jobs. */
@Module({})
class AdminCommands {
  static forRoot(runtime: Runtime): DynamicModule {
    return { module: AdminCommands, imports: [KernelModule.forRoot(runtime), AuthModule] };
  }
}

/**
 * Works with the accounts of a database, without Redis, which an account does not need and which may be what is
 * broken. Throws `CommandError` when its schema is not up to date.
 */
export async function withAccounts<T>(
  settings: Settings,
  database: OpenDatabase,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  const alone: Settings = Object.assign({}, settings, { redisUrl: undefined });
  return withApplication(alone, database, (runtime) => AdminCommands.forRoot(runtime), work);
}

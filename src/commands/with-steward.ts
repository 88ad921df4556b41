import type { INestApplicationContext } from '@nestjs/common';
import { AppModule } from '../app.module.js';
import type { Settings } from '../kernel/config/index.js';
import type { OpenDatabase } from '../kernel/database/open-database.js';
import { AppError } from '../kernel/http/index.js';
import { CommandError } from './failure.js';
import { withApplication } from './with-application.js';

/**
 * The whole application; what an erasure leaves to be removed is the matter of the processes that work. Throws
 * `CommandError` when the schema is not up to date, or for the user's fault.
 */
export async function withSteward<T>(
  settings: Settings,
  database: OpenDatabase,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  return withApplication(
    settings,
    database,
    (runtime) => AppModule.forRoot(runtime),
    async (app) => {
      try {
        return await work(app);
      } catch (error) {
        if (error instanceof AppError) throw new CommandError(error.message);
        throw error;
      }
    },
  );
}

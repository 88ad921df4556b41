import path from 'node:path';
import type { Settings } from '../kernel/config/index.js';
import { openDatabase, type OpenDatabase } from '../kernel/database/open-database.js';

/** Works on the database that the server uses: the configured one, or the embedded one, joined where it runs. */
export async function withDatabase<T>(
  settings: Settings,
  work: (database: OpenDatabase) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(settings, path.join(settings.dataDir, 'postgres'), () => undefined);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

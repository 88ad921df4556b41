import type { Type } from '@nestjs/common';
import { loadSettings } from '../kernel/config/index.js';
import { withDatabase } from './with-database.js';

/** One service of the whole application, whose code is loaded by the commands that need it and by no other. */
export async function withService<Service, T>(
  load: () => Promise<Type<Service>>,
  work: (service: Service) => Promise<T>,
): Promise<T> {
  const settings = loadSettings();
  const [{ withSteward }, service] = await Promise.all([import('./with-steward.js'), load()]);
  return withDatabase(settings, (database) =>
    withSteward(settings, database, (app) => work(app.get(service, { strict: false }))),
  );
}

import 'reflect-metadata';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { Database } from '../src/kernel/database/index.js';
import { createHttpApplication } from '../src/kernel/http/application.js';
import { listen } from '../src/kernel/http/listen.js';
import { Log } from '../src/kernel/log/index.js';
import { FirstAdmin } from '../src/modules/auth/index.js';
import type { CellOrder, CellReady } from './row-security.js';
import { NO_LIMITS } from './no-limits.js';

/** One server that answers HTTP, with row-level security or without any trace of it. */
async function serve({ databaseUrl, password, withRows }: CellOrder): Promise<CellReady> {
  if (!withRows) {
    const nobody = function (this: Database): Database {
      return this;
    };
    Object.assign(Database.prototype, { as: nobody, system: nobody });
  }
  const settings = loadSettings({
    DATABASE_URL: databaseUrl,
    STEWARD_SECRET: 'the secret of the benchmarks, long enough',
    STEWARD_ADMIN_PASSWORD: password,
    STEWARD_ROLE: 'api',
    ...NO_LIMITS,
    LOG_LEVEL: 'error',
  });
  const log = Log.create({ level: 'error', format: 'json' });
  const app = await createHttpApplication(AppModule.forRoot({ settings, databaseUrl, log }), log);
  await app.init();
  await app.get(FirstAdmin, { strict: false }).ensure();
  return { url: await listen(app, '127.0.0.1', 0) };
}

process.once('message', (order) => {
  serve(order as CellOrder).then(
    (ready) => process.send?.(ready),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { seed, type SeedReport } from '../seeds/index.js';
import { AppModule } from './app.module.js';
import { Settings, serves, signingSecret } from './kernel/config/index.js';
import { Keyring } from './kernel/crypto/index.js';
import { applicationAccess } from './kernel/database/application-role.js';
import { migrate } from './kernel/database/migrate.js';
import { openDatabase } from './kernel/database/open-database.js';
import { Health } from './kernel/health/index.js';
import { createHttpApplication } from './kernel/http/application.js';
import { drain } from './kernel/http/drain.js';
import { listen } from './kernel/http/listen.js';
import { Log } from './kernel/log/index.js';
import { SseRegistry } from './kernel/realtime/index.js';
import { assertRedisUsable } from './kernel/redis/index.js';
import { waitForStore } from './wait-for-store.js';

export interface RunningSteward {
  readonly app: NestFastifyApplication;
  /** Null when this process serves no HTTP. */
  readonly url: string | null;
  readonly database: string;
  readonly seeded: SeedReport;
  /** Finishes or hands back what is under way, then lets go of everything. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Brings one process up, in the order in which each step needs the one before: database, Redis, migrations,
 * modules, first data, and only then traffic. When a step fails everything that was opened is closed again.
 * `modules` come beside those of the application: test programs bring job types of their own.
 */
export async function start(
  settings: Settings,
  log: Log,
  onProgress: (message: string) => void,
  modules: readonly Type[] = [],
): Promise<RunningSteward> {
  const there = <T>(open: () => Promise<T>) => waitForStore(open, settings.storeWaitSeconds, onProgress);
  const database = await there(() =>
    openDatabase(settings, path.join(settings.dataDir, 'postgres'), onProgress),
  );
  let app: NestFastifyApplication | undefined;
  try {
    const { redisUrl } = settings;
    if (redisUrl !== undefined)
      await there(() => assertRedisUsable(redisUrl, (message) => log.warn({}, message)));
    onProgress('bringing the database up to date');
    await migrate(database.ownerUrl);
    const access = await applicationAccess(
      { ownerUrl: database.ownerUrl, configuredUrl: database.url },
      new Keyring(signingSecret(settings)),
    );
    for (const warning of access.warnings) log.warn({}, warning);
    await Promise.all(settings.localRoots.map((root) => mkdir(root, { recursive: true })));
    onProgress('starting');
    const steward = AppModule.forRoot({ settings, databaseUrl: access.url, log });
    const root = { ...steward, imports: [...(steward.imports ?? []), ...modules] };
    app = await createHttpApplication(root, log);
    await app.init();
    const seeded = await seed(app, settings);
    const url =
      serves(settings, 'api') || settings.port !== undefined
        ? await listen(app, settings.host, settings.port)
        : null;
    app.get(Health).enter('serving');
    let stopping: Promise<void> | undefined;
    const running = app;
    const stop = async () => {
      running.get(Health).enter('draining');
      running.get(SseRegistry).closeAll();
      try {
        await drain(running, settings.shutdownSeconds * 1000);
      } finally {
        // Also when a part could not end well: an embedded server would be left running.
        await database.close();
      }
    };
    return { app, url, database: database.description, seeded, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await app?.close().catch(() => undefined);
    await database.close();
    throw error;
  }
}

import 'reflect-metadata';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DynamicModule, INestApplicationContext, Type } from '@nestjs/common';
import { AppModule } from '../../src/app.module.js';
import { loadSettings, type Settings } from '../../src/kernel/config/index.js';
import { Health } from '../../src/kernel/health/index.js';
import { createHttpApplication } from '../../src/kernel/http/application.js';
import { drain } from '../../src/kernel/http/drain.js';
import { listen } from '../../src/kernel/http/listen.js';
import { Log } from '../../src/kernel/log/index.js';
import { FirstAdmin } from '../../src/modules/auth/index.js';
import { accessToken } from './client.js';
import { asApplication, createTestDatabase } from './database.js';
import { NO_LIMITS } from '../../bench/no-limits.js';
import { quietLog } from './quiet-log.js';

const ADMIN = { identifier: 'admin@steward.local', password: 'the password of the tests' };

export interface AppOptions {
  /** Absent: PostgreSQL does the work of Redis. */
  readonly redisUrl?: string | undefined;
  /** Further environment variables of the process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the log goes; nowhere unless told. */
  readonly log?: Log;
  /** Modules beside those of the application, for example with job types of a test. */
  readonly modules?: readonly Type[];
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The admin's unless told; null for nobody's. */
  readonly token?: string | null;
}

/** The whole application in this process, on a database and in folders of its own, listening on a free port. */
export class TestApp {
  private constructor(
    readonly url: string,
    readonly settings: Settings,
    readonly adminToken: string,
    readonly context: INestApplicationContext,
    /** Shuts down as on a signal, lets the caller look at what is left, then removes the database and the folders. */
    readonly stop: (look?: () => Promise<void>) => Promise<void>,
  ) {}

  static async start({
    redisUrl,
    environment = {},
    modules = [],
    log = quietLog(),
  }: AppOptions = {}): Promise<TestApp> {
    const database = await createTestDatabase();
    const dataDir = await realpath(await mkdtemp(path.join(tmpdir(), 'steward-app-')));
    const settings = loadSettings({
      NODE_ENV: 'test',
      PATH: process.env['PATH'],
      RCLONE_PATH: process.env['RCLONE_PATH'],
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl,
      STEWARD_DATA_DIR: dataDir,
      STEWARD_ADMIN_PASSWORD: ADMIN.password,
      STEWARD_DEMO: 'false',
      STEWARD_SHUTDOWN_SECONDS: '2',
      ...NO_LIMITS,
      STEWARD_LOGIN_FLOOR_MS: '0',
      ...environment,
    });
    await Promise.all(settings.localRoots.map((root) => mkdir(root, { recursive: true })));
    const steward = AppModule.forRoot({ settings, databaseUrl: asApplication(database.url), log });
    const root: DynamicModule = { ...steward, imports: [...(steward.imports ?? []), ...modules] };
    const app = await createHttpApplication(root, log);
    await app.init();
    await app.get(FirstAdmin).ensure();
    const url = await listen(app, '127.0.0.1', 0);
    app.get(Health).enter('serving');
    return new TestApp(
      url,
      settings,
      await accessToken(url, ADMIN.identifier, ADMIN.password),
      app,
      async (look) => {
        await drain(app, 2_000);
        await look?.();
        await database.drop();
        await rm(dataDir, { recursive: true, force: true });
      },
    );
  }

  /** A provider of the application. */
  get<T>(token: abstract new (...dependencies: never[]) => T): T {
    return this.context.get(token, { strict: false });
  }

  /** One request with the admin's token. `Body` is what the caller expects, checked by its assertions only. */
  async call<Body>(method: string, place: string, options: CallOptions = {}): Promise<Answer<Body>> {
    const { body, headers, token = this.adminToken } = options;
    const answer = await fetch(`${this.url}${place}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: (text === '' ? null : JSON.parse(text)) as Body,
    };
  }

  /** A new account with a token of its own. */
  async user(role: 'user' | 'power_user' | 'admin' = 'user'): Promise<{ id: string; token: string }> {
    const email = `${crypto.randomUUID()}@example.org`;
    const password = 'the password of a user';
    const { body } = await this.call<{ id: string }>('POST', '/api/users', {
      body: { email, password, role },
    });
    return { id: body.id, token: await accessToken(this.url, email, password) };
  }
}

import 'reflect-metadata';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadSettings } from '../../src/kernel/config/index.js';
import { createHttpApplication } from '../../src/kernel/http/application.js';
import { Database } from '../../src/kernel/database/index.js';
import { KernelModule, type Runtime } from '../../src/kernel/kernel.module.js';
import { Log } from '../../src/kernel/log/index.js';
import { AuditModule } from '../../src/modules/audit/index.js';
import { AuthModule } from '../../src/modules/auth/index.js';
import { StandingSessions } from '../../src/modules/auth/sessions/standing-sessions.js';
import { UsersModule } from '../../src/modules/users/index.js';
import { asApplication, createTestDatabase, openPool } from './database.js';
import { NO_LIMITS } from '../../bench/no-limits.js';

@Module({})
class AccountsRoot {
  static forRoot(runtime: Runtime): DynamicModule {
    return {
      module: AccountsRoot,
      imports: [KernelModule.forRoot(runtime), AuditModule, UsersModule, AuthModule],
    };
  }
}

export const TEST_SECRET = 'the signing secret of the tests, long enough';

export interface Answer {
  readonly status: number;
  // What came back is looked at by the assertions of the test.
  readonly body: Record<string, never>;
  readonly headers: Record<string, unknown>;
}

export interface AccountsApplication {
  readonly url: string;
  readonly database: Database;
  get<T>(type: Type<T> | (abstract new (...args: never[]) => T)): T;
  /** Rows of a statement on a connection of the test's own, whose changes are known at once instead of within 1.5 s. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** The kernel with audit, users and auth on a database of its own, answering HTTP without a socket. */
export async function accountsApplication(
  environment: Record<string, string> = {},
): Promise<AccountsApplication> {
  const database = await createTestDatabase();
  const settings = loadSettings({
    NODE_ENV: 'test',
    STEWARD_SECRET: TEST_SECRET,
    DATABASE_URL: database.url,
    ...NO_LIMITS,
    STEWARD_LOGIN_FLOOR_MS: '0',
    ...environment,
  });
  const log = Log.create({ level: 'fatal', format: 'json' });
  const app = await createHttpApplication(
    AccountsRoot.forRoot({ settings, databaseUrl: asApplication(database.url), log }),
    log,
  );
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const pool = openPool(database.url);
  return {
    url: database.url,
    database: app.get(Database, { strict: false }),
    get: (type) => app.get(type as Type, { strict: false }) as never,
    sql: async <Row extends object>(text: string, values: unknown[] = []) => {
      const { rows } = await pool.query<Row>(text, values);
      app.get(StandingSessions, { strict: false }).forgetAll();
      return rows;
    },
    call: (method, path, options = {}) => call(app, method, path, options),
    close: async () => {
      await pool.end();
      await app.close();
      await database.drop();
    },
  };
}

async function call(
  app: NestFastifyApplication,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  { token, body, headers }: CallOptions,
): Promise<Answer> {
  const answer = await app.inject({
    method,
    url: `/api${path}`,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return {
    status: answer.statusCode,
    body: (answer.body === '' ? {} : JSON.parse(answer.body)) as Record<string, never>,
    headers: answer.headers,
  };
}

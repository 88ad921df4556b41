import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type pg from 'pg';
import type { UserRole } from '../../src/kernel/auth/index.js';
import { newId } from '../../src/kernel/database/index.js';
import { AuditModule } from '../../src/modules/audit/index.js';
import { JobsModule } from '../../src/modules/jobs/index.js';
import { UsersModule } from '../../src/modules/users/index.js';
import { ProbeModule } from '../fixtures/probe-job.js';
import { createTestDatabase, openPool } from './database.js';
import { startTestApplication } from './test-application.js';

export interface Person {
  readonly id: string;
  readonly role: UserRole;
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Body;
}

export interface ProblemBody {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { pointer: string; code: string; detail: string }[];
}

/** Further columns of a job that is put into the table as it is. */
export type JobColumns = Readonly<Record<string, unknown>>;

/** The routes of jobs on a database of their own. Its role is api: jobs are made and dispatched, and nothing runs. */
export class JobsDesk {
  private constructor(
    readonly databaseUrl: string,
    private readonly pool: pg.Pool,
    readonly app: NestFastifyApplication,
    private readonly drop: () => Promise<void>,
  ) {}

  static async start(role: 'api' | 'all' = 'api'): Promise<JobsDesk> {
    const database = await createTestDatabase();
    const modules = [AuditModule, UsersModule, JobsModule, ProbeModule];
    const { app } = await startTestApplication(database.url, modules, { STEWARD_ROLE: role });
    return new JobsDesk(database.url, openPool(database.url), app, () => database.drop());
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.app.close();
    await this.drop();
  }

  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, values)).rows;
  }

  async call<Body>(
    as: Person,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Body>> {
    const answer = await this.app.inject({
      method,
      url: `/api${path}`,
      headers: {
        'x-test-user': `${as.id} ${as.role}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: (answer.body === '' ? {} : JSON.parse(answer.body)) as Body,
    };
  }

  /** Status, code, and the pointers of the wrong fields. */
  async refusal(as: Person, method: 'GET' | 'POST', path: string, body?: unknown): Promise<string> {
    const answer = await this.call<ProblemBody>(as, method, path, body);
    if (answer.status < 400) throw new Error(`${method} ${path} was not refused: ${answer.status}`);
    return [answer.status, answer.body.code, ...answer.body.errors.map(({ pointer }) => pointer)].join(' ');
  }

  /** Somebody new. */
  async person(role: UserRole = 'user'): Promise<Person> {
    const id = newId();
    const email = `${id}@jobs.test`;
    const values = [id, email, role];
    await this.sql('insert into users (id, email, email_key, role) values ($1, $2, $2, $3)', values);
    return { id, role };
  }

  /** A job of somebody in the given status, out of the dispatcher's reach; its id. */
  async job(owner: Person | null, status: string, columns: JobColumns = {}): Promise<string> {
    const id = newId();
    const row = {
      id,
      user_id: owner?.id ?? null,
      type: 'probe',
      queue: 'nobody-works-here',
      payload: { label: 'x' },
      status,
      ...inStatus(status),
      ...columns,
    };
    const names = Object.keys(row);
    await this.sql(
      `insert into jobs (${names.join(', ')}) values (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
      Object.values(row),
    );
    return id;
  }
}

/** What the table demands of a job in this status. */
function inStatus(status: string): JobColumns {
  if (status === 'pending') return { run_at: '2999-01-01' };
  if (status === 'completed') return { completed_at: '2999-01-01' };
  if (status === 'failed')
    return { completed_at: '2999-01-01', error: 'It did not work.', error_code: 'error' };
  return status === 'cancelled' ? { cancelled_at: '2999-01-01' } : {};
}

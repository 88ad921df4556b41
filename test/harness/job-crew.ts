import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type pg from 'pg';
import type { UserActor } from '../../src/kernel/auth/index.js';
import { Database, newId } from '../../src/kernel/database/index.js';
import { AuditModule } from '../../src/modules/audit/index.js';
import { JobsModule, JobsService, type JobRequest } from '../../src/modules/jobs/index.js';
import { UsersModule } from '../../src/modules/users/index.js';
import { LimitedJobsModule } from '../factories/limited-jobs.js';
import { createTestDatabase, openPool } from './database.js';
import { startTestApplication } from './test-application.js';
import { until } from './until.js';

/**
 * Writes down how many jobs are in flight, by type and key, whenever some are dispatched: inside the transaction that
 * does, before anybody else can see it.
 */
const OBSERVE = `
  create table observed (type text, part text, jobs integer);
  create function observe() returns trigger language plpgsql security definer as $$
  begin
    insert into observed select type, coalesce(part, '*'), count(*)
      from (select type, split_part(limit_key, ' ', 1) as part from jobs
             where limit_key is not null and status in ('queued', 'running')) as flying
     group by grouping sets ((type, part), (type));
    return null;
  end $$;
  create trigger observe after update on jobs for each statement execute function observe();
  alter function observe() set steward.system = 'observing';`;

/** Some processes on one database, each with a dispatcher and, unless told otherwise, a worker. */
export class JobCrew {
  private constructor(
    readonly databaseUrl: string,
    readonly apps: readonly NestFastifyApplication[],
    private readonly pool: pg.Pool,
    readonly userId: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async start(processes: number, role: 'all' | 'api' = 'all'): Promise<JobCrew> {
    const database = await createTestDatabase();
    const pool = openPool(database.url);
    await pool.query(OBSERVE);
    const userId = newId();
    await pool.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [
      userId,
      `${userId}@crew.test`,
    ]);
    const apps: NestFastifyApplication[] = [];
    for (let index = 0; index < processes; index += 1) {
      const modules = [AuditModule, UsersModule, JobsModule, LimitedJobsModule];
      const environment = { STEWARD_ROLE: role, DATABASE_POOL_SIZE: '4' };
      apps.push((await startTestApplication(database.url, modules, environment)).app);
    }
    return new JobCrew(database.url, apps, pool, userId, () => database.drop());
  }

  async stop(): Promise<void> {
    await Promise.all(this.apps.map((app) => app.close()));
    await this.pool.end();
    await this.drop();
  }

  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, values)).rows;
  }

  actor(userId = this.userId): UserActor {
    return { type: 'user', userId, role: 'user', sessionId: userId };
  }

  /** The id of somebody new. */
  async person(): Promise<string> {
    const id = newId();
    const values = [id, `${id}@crew.test`];
    await this.sql(`insert into users (id, email, email_key) values ($1, $2, $2)`, values);
    return id;
  }

  /** Made by one process after the other, so that all of them are woken. */
  async create(requests: readonly Omit<JobRequest, 'id'>[], userId = this.userId): Promise<string[]> {
    const actor = this.actor(userId);
    return Promise.all(
      requests.map((request, index) => {
        const app = this.apps[index % this.apps.length]!;
        return app
          .get(Database)
          .as(actor)
          .tx((tx) => app.get(JobsService).createIn(tx, actor, request));
      }),
    );
  }

  /** Until all jobs of the type have completed. */
  async done(type: string): Promise<void> {
    let left: object[] = [];
    await until(
      async () => {
        left = await this.sql(
          `select status, count(*)::integer as jobs from jobs where type = $1 and status <> 'completed' group by 1`,
          [type],
        );
        return left.length === 0;
      },
      { describe: () => `all of ${type} to be completed, there are ${JSON.stringify(left)}` },
    );
  }

  /** The most jobs of the type that were in flight at any time, by key, and in all as `*`. */
  async mostInFlight(type: string): Promise<Record<string, number>> {
    const rows = await this.sql<{ part: string; jobs: number }>(
      `select part, max(jobs)::integer as jobs from observed where type = $1 group by part`,
      [type],
    );
    return Object.fromEntries(rows.map(({ part, jobs }) => [part, jobs]));
  }
}

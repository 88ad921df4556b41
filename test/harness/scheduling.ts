import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type pg from 'pg';
import type { UserRole } from '../../src/kernel/auth/index.js';
import { Database, newId } from '../../src/kernel/database/index.js';
import { AuditModule } from '../../src/modules/audit/index.js';
import { JobsModule } from '../../src/modules/jobs/index.js';
import {
  SchedulesModule,
  SchedulesService,
  type CreateScheduleBody,
} from '../../src/modules/schedules/index.js';
import { ScheduleJobEnds } from '../../src/modules/schedules/schedule-job-ends.js';
import { SlotMaterialiser } from '../../src/modules/schedules/slot-materialiser.js';
import { UsersModule } from '../../src/modules/users/index.js';
import { ProbeModule } from '../fixtures/probe-job.js';
import { createTestDatabase, openPool } from './database.js';
import { setTime, simulateTime } from './simulated-time.js';
import { startTestApplication } from './test-application.js';

const MODULES = [AuditModule, UsersModule, JobsModule, SchedulesModule, ProbeModule];

export interface SlotRow {
  id: string;
  scheduled_for: Date;
  outcome: string;
  reason: string | null;
  cause: string;
  job_id: string | null;
  due_at: Date | null;
  decided_at: Date | null;
}

export interface Person {
  readonly id: string;
  readonly role: UserRole;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: AnswerBody;
}

/** What tests look at in an answer; which of it is there depends on the route. */
export interface AnswerBody {
  readonly id: string;
  readonly jobId: string;
  readonly userId: string;
  readonly nextRunAt: string | null;
  readonly pausedUntil: string | null;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { pointer: string; code: string; detail: string }[];
  readonly items: readonly Record<string, string>[];
  readonly exclusions: {
    readonly dates: string[];
    readonly weekdays: string[];
    readonly calendarIds: string[];
  };
  readonly nextCursor: string | null;
}

export interface RuleRow {
  is_active: boolean;
  next_run_at: Date | null;
  last_run_at: Date | null;
  run_count: number;
  failure_streak: number;
  planned_to: Date;
  tz_version: string | null;
  look_at: Date | null;
  last_error: string | null;
  paused_note: string | null;
  paused_until: Date | null;
  version: number;
}

/**
 * One database with any number of processes on it. Their role is api, so that nothing ticks or works by itself:
 * a test says when a tick happens.
 */
export class Scheduling {
  private constructor(
    readonly pool: pg.Pool,
    readonly apps: readonly NestFastifyApplication[],
    private readonly drop: () => Promise<void>,
  ) {}

  /** `at`: the clock of the database stands there until `setTime`. */
  static async start(processes = 1, at?: Date): Promise<Scheduling> {
    const database = await createTestDatabase();
    if (at) await simulateTime(database.url, at);
    const apps: NestFastifyApplication[] = [];
    for (let index = 0; index < processes; index += 1) {
      const { app } = await startTestApplication(database.url, MODULES, { STEWARD_ROLE: 'api' });
      apps.push(app);
    }
    const pool = openPool(database.url);
    return new Scheduling(pool, apps, () => database.drop());
  }

  async stop(): Promise<void> {
    await this.pool.end();
    for (const app of this.apps) await app.close();
    await this.drop();
  }

  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, values)).rows;
  }

  /** Of a database whose clock was set at the start. */
  setTime(at: Date): Promise<void> {
    return setTime(this.pool, at);
  }

  /** Runs `work` while a transaction of somebody else holds what the statement locks; what it wrote is kept or not. */
  async holding(
    text: string,
    values: unknown[],
    work: () => Promise<void>,
    end: 'commit' | 'rollback' = 'rollback',
  ): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      await client.query(text, values);
      await work();
      await client.query(end);
    } finally {
      await client.query('rollback');
      client.release();
    }
  }

  /** One batch in one process; true when more is due. */
  batch(process = 0): Promise<boolean> {
    return this.apps[process]!.get(SlotMaterialiser).batch();
  }

  /** Everything that is due, as a tick does it. */
  async tick(process = 0): Promise<void> {
    while (await this.batch(process));
  }

  /** An HTTP request to the first process. */
  async call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    options: { as?: Person; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { as, body, headers } = options;
    const answer = await this.apps[0]!.inject({
      method,
      url: `/api${path}`,
      headers: {
        ...(as && { 'x-test-user': `${as.id} ${as.role}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: (answer.body === '' ? {} : JSON.parse(answer.body)) as AnswerBody,
    };
  }

  /** Somebody new. */
  async person(role: UserRole = 'user'): Promise<Person> {
    const id = newId();
    const email = `${id}@schedules.test`;
    const values = [id, email, role];
    await this.sql('insert into users (id, email, email_key, role) values ($1, $2, $2, $3)', values);
    return { id, role };
  }

  /** The id of a new rule: a probe of its own user every second, several of which may run at once, unless told. */
  async rule(input: Partial<CreateScheduleBody> & { owner?: Person } = {}): Promise<string> {
    const { owner = await this.person(), ...body } = input;
    const timing = body.ruleType ? {} : { ruleType: 'interval' as const, intervalSeconds: 1 };
    const { body: schedule } = await this.apps[0]!.get(SchedulesService).create(
      { type: 'user', userId: owner.id, role: owner.role, sessionId: newId() },
      {
        name: 'probe',
        jobTemplate: { type: 'probe', payload: { label: 'x' } },
        overlapPolicy: 'allow',
        ...timing,
        ...body,
      } as CreateScheduleBody,
      null,
    );
    return schedule.id;
  }

  /** As if an interval rule had been made, and nothing had been planned, since so many seconds. */
  async since(ruleId: string, seconds: number): Promise<void> {
    await this.sql(
      `update schedule_rules set anchor_at = date_trunc('second', now()) - make_interval(secs => $2),
              next_run_at = date_trunc('second', now()) - make_interval(secs => $2) where id = $1`,
      [ruleId, seconds],
    );
  }

  slots(ruleId: string): Promise<SlotRow[]> {
    return this.sql('select * from schedule_slots where rule_id = $1 order by scheduled_for', [ruleId]);
  }

  async outcomes(ruleId: string): Promise<string[]> {
    return (await this.slots(ruleId)).map(({ outcome }) => outcome);
  }

  async row(ruleId: string): Promise<RuleRow> {
    return (await this.sql<RuleRow>('select * from schedule_rules where id = $1', [ruleId]))[0]!;
  }

  jobs(ruleId: string): Promise<{ id: string; user_id: string; status: string }[]> {
    return this.sql('select * from jobs where schedule_id = $1 order by id', [ruleId]);
  }

  async endJobs(ruleId: string): Promise<void> {
    await this.sql(
      `update jobs set status = 'cancelled', run_at = null, turn = null, cancelled_at = clock_timestamp()
        where schedule_id = $1 and status in ('pending', 'queued')`,
      [ruleId],
    );
  }

  /** As if a worker had begun the jobs of a rule that wait. */
  async runJobs(ruleId: string): Promise<void> {
    await this.sql(
      `update jobs set status = 'running', run_at = null, turn = null, lease_epoch = 1, started_at = clock_timestamp()
        where schedule_id = $1 and status in ('pending', 'queued')`,
      [ruleId],
    );
  }

  /** As if the open jobs of a rule had ended like this, one after another, and it had been told. */
  async finishJobs(
    ruleId: string,
    status: 'completed' | 'failed' | 'cancelled' = 'completed',
  ): Promise<void> {
    const ended = await this.sql<{ id: string }>(
      `update jobs set status = $2, run_at = null, turn = null, started_at = coalesce(started_at, clock_timestamp()),
              completed_at = case when $2 <> 'cancelled' then clock_timestamp() end,
              cancelled_at = case when $2 = 'cancelled' then clock_timestamp() end,
              error = case when $2 = 'failed' then 'broken' end, error_code = case when $2 = 'failed' then 'test' end
        where schedule_id = $1 and completed_at is null and cancelled_at is null returning id`,
      [ruleId, status],
    );
    await this.tell(
      ruleId,
      ended.map(() => status),
    );
  }

  /** Tells a rule, or each of several, that jobs of it have ended like this, without a job. */
  async tell(
    rules: string | readonly string[],
    ends: readonly ('completed' | 'failed' | 'cancelled')[],
  ): Promise<void> {
    const told = [rules].flat().flatMap((scheduleId) => ends.map((status) => ({ scheduleId, status })));
    const events = told.map(({ scheduleId, status }) => ({
      cursor: '1-1',
      id: newId(),
      type: `job.${status}`,
      channel: 'jobs',
      userId: null,
      subjectId: newId(),
      data: { type: 'probe', status, scheduleId, error: null },
      createdAt: '2026-11-22T09:00:00.000Z',
    }));
    const [app] = this.apps;
    await app!
      .get(Database)
      .system('a test')
      .tx((tx) => app!.get(ScheduleJobEnds).handle(tx, events));
  }
}

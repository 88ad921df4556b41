import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const PASSWORD = 'the password of the tests';
const SECRET = 'one signing secret for every process of the test';
const MINUTES = 10;
const EVERY_SECONDS = 5;

interface Health {
  readonly status: string;
  readonly parts: Readonly<Record<string, { readonly status: string; readonly detail?: string }>>;
}
interface Items<T> {
  readonly items: readonly T[];
}
interface Notification {
  readonly type: string;
  readonly priority: string;
  readonly message: string;
}

describe('when every scheduler is killed', () => {
  let database: TestDatabase;
  let directory: { path: string; remove: () => Promise<void> };
  let sql: pg.Client;
  let processes: StewardProcess[];

  beforeEach(async () => {
    database = await createTestDatabase();
    directory = await scratch();
    sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await sql.end();
    await database.drop();
    await directory.remove();
  });

  const start = (role: string): StewardProcess => {
    const one = StewardProcess.spawn({
      DATABASE_URL: database.url,
      STEWARD_DATA_DIR: directory.path,
      STEWARD_SECRET: SECRET,
      STEWARD_ADMIN_PASSWORD: PASSWORD,
      STEWARD_ROLE: role,
    });
    processes.push(one);
    return one;
  };

  /** Everything that is remembered of the schedules lies so much further back. */
  const pass = async (minutes: number): Promise<void> => {
    await sql.query(`update schedulers set beat_at = beat_at - make_interval(mins => $1)`, [minutes]);
    await sql.query(`update schedule_slots set scheduled_for = scheduled_for - make_interval(mins => $1)`, [
      minutes,
    ]);
    await sql.query(
      `update schedule_rules set anchor_at = anchor_at - make_interval(mins => $1), next_run_at = next_run_at - make_interval(mins => $1)`,
      [minutes],
    );
  };

  it('the others say so, admins are told once, and one that is started leaves no hole', async () => {
    const schedulers = [start('scheduler'), start('scheduler')];
    const [api] = [start('api'), start('worker')];
    const url = await api.url();
    const client = await Client.login(url, 'admin@steward.local', PASSWORD);
    const { id } = await client.call<{ id: string }>('POST', '/api/schedules', {
      name: 'every five seconds',
      ruleType: 'interval',
      intervalSeconds: EVERY_SECONDS,
      overlapPolicy: 'allow',
      jobTemplate: { type: 'cleanup', payload: { dryRun: true } },
    });
    const slots = async () =>
      (
        await sql.query<{ at: number; outcome: string }>(
          `select extract(epoch from scheduled_for)::float8 as at, outcome from schedule_slots where rule_id = $1 order by 1`,
          [id],
        )
      ).rows;
    const health = async (): Promise<Health> => {
      const answer = await fetch(`${url}/api/health`);
      expect(answer.status).toBe(200);
      return (await answer.json()) as Health;
    };
    const told = async (): Promise<Notification[]> =>
      (await client.call<Items<Notification>>('GET', '/api/notifications?limit=100')).items.filter(
        ({ type }) => type.startsWith('scheduler.'),
      );
    await until(async () => (await slots()).length >= 1, { describe: 'slots' });
    await until(async () => (await health()).parts['scheduler']?.status === 'ok', {
      describe: 'good health',
    });

    await Promise.all(schedulers.map((one) => one.end('SIGKILL')));
    const before = (await slots()).length;
    await pass(MINUTES);
    const ill = await health();
    expect(ill).toMatchObject({ status: 'degraded', parts: { scheduler: { status: 'degraded' } } });
    expect(ill.parts['scheduler']?.detail).toMatch(
      /^the oldest due schedule is \d+ min late \(1 are later than 60 s\); no scheduler has looked for \d+ min: start a process/,
    );
    expect((await fetch(`${url}/api/health/ready`)).status).toBe(200);
    const [first] = await until(
      async () => {
        const all = await told();
        return all.length > 0 ? all : null;
      },
      { describe: 'the notification' },
    );
    expect(first).toMatchObject({ type: 'scheduler.stalled', priority: 'high' });
    expect(first?.message).toMatch(/no scheduler has looked for/);
    expect(await slots()).toHaveLength(before);

    start('scheduler');
    await until(async () => (await health()).parts['scheduler']?.status === 'ok', {
      describe: 'good health',
    });
    const after = await slots();
    expect(after.length).toBeGreaterThanOrEqual(before + (MINUTES * 60) / EVERY_SECONDS);
    expect(after.map(({ at }, index) => at - after[0]!.at - index * EVERY_SECONDS)).toEqual(
      after.map(() => 0),
    );
    const { rows } = await sql.query(`select from schedule_slots where outcome = 'fired' and job_id is null`);
    expect(rows).toEqual([]);
    await until(async () => (await told()).length === 2, { describe: 'the all-clear' });
    expect((await told()).map(({ type }) => type).toSorted()).toEqual([
      'scheduler.recovered',
      'scheduler.stalled',
    ]);
  }, 300_000);
});

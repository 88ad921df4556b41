import type pg from 'pg';
import type { Random } from '../faults/random.js';

interface Job {
  /** Epoch ms. */
  readonly begins: number;
  readonly ends: number;
  /** How long it takes to stop when it is asked to. */
  readonly stops: number;
  readonly how: 'completed' | 'failed';
}

interface OpenJob {
  readonly id: string;
  readonly rule: string;
  readonly status: string;
  readonly asked: number | null;
}

const MINUTE = 60_000;

/**
 * Workers of a simulated day: each job begins and ends when chance says so, one that is asked to stop takes its time,
 * and some take no notice. It moves a job while it holds its rule, and leaves one whose rule a tick holds for the next
 * step: so of two moves of a rule there is always one that came first.
 */
export class SimulatedWork {
  private readonly plans = new Map<string, Job>();

  /** Of these rules; jobs of others never end. */
  constructor(
    private readonly pool: pg.Pool,
    private readonly rules: readonly string[],
    private readonly random: Random,
  ) {}

  /** A worker that is always there: what runs is not taken for orphaned. */
  async begin(): Promise<void> {
    await this.pool.query(
      `insert into workers (id, hostname, pid, beat_at) values ($1, 'simulated', 1, '2200-01-01')`,
      [WORKER],
    );
  }

  /** What happens up to `now`; answers the rules of which a job has ended. `all`: every job that is open ends. */
  async step(now: number, all = false): Promise<string[]> {
    const { rows } = await this.pool.query<OpenJob>(
      `select id, schedule_id as rule, status, extract(epoch from cancel_requested_at)::float8 * 1000 as asked
         from jobs where schedule_id = any ($1::uuid[]) and completed_at is null and cancelled_at is null order by id`,
      [this.rules],
    );
    const begin: OpenJob[] = [];
    const end: (OpenJob & { how: string })[] = [];
    for (const job of rows) {
      const { begins, ends, stops, how } = this.planOf(job.id, now);
      const stopped = job.status === 'running' && job.asked !== null && job.asked + stops <= now;
      if (all || ends <= now || stopped) end.push({ ...job, how: stopped ? 'cancelled' : how });
      else if (begins <= now && job.status !== 'running') begin.push(job);
    }
    return this.move(begin, end);
  }

  private planOf(id: string, now: number): Job {
    const known = this.plans.get(id);
    if (known) return known;
    const { random } = this;
    const within = (minutes: number): number => random.below(minutes + 1) * MINUTE;
    const begins = now + within(random.of([0, 0, 10, 60]));
    const plan: Job = {
      begins,
      ends: begins + within(random.of([1, 20, 90, 90, 400, 2_000])),
      stops: within(random.of([0, 0, 5, 30, 10_000])),
      how: random.of(['completed', 'completed', 'failed'] as const),
    };
    this.plans.set(id, plan);
    return plan;
  }

  private async move(
    begin: readonly OpenJob[],
    end: readonly (OpenJob & { how: string })[],
  ): Promise<string[]> {
    if (begin.length + end.length === 0) return [];
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query<{ id: string }>(
        `select id from schedule_rules where id = any ($1::uuid[]) for update skip locked`,
        [[...begin, ...end].map(({ rule }) => rule)],
      );
      const held = new Set(rows.map(({ id }) => id));
      await client.query(
        `update jobs set status = 'running', run_at = null, turn = null, lease_epoch = 1, worker_id = $2,
                started_at = greatest(clock_timestamp(), created_at)
          where id = any ($1::uuid[]) and status in ('pending', 'queued')`,
        [begin.flatMap(({ id, rule }) => (held.has(rule) ? id : [])), WORKER],
      );
      const going = end.filter(({ rule }) => held.has(rule));
      const ended = await client.query<{ rule: string }>(
        `update jobs j set status = n.how, run_at = null, turn = null,
                started_at = coalesce(started_at, created_at),
                completed_at = case when n.how <> 'cancelled' then greatest(clock_timestamp(), created_at, started_at) end,
                cancelled_at = case when n.how = 'cancelled' then greatest(clock_timestamp(), created_at, started_at) end,
                error = case when n.how = 'failed' then 'as chance would have it' end
           from unnest($1::uuid[], $2::text[]) as n (id, how)
          where j.id = n.id and j.completed_at is null and j.cancelled_at is null returning j.schedule_id as rule`,
        [going.map(({ id }) => id), going.map(({ how }) => how)],
      );
      await client.query('commit');
      return ended.rows.map(({ rule }) => rule);
    } finally {
      await client.query('rollback');
      client.release();
    }
  }
}

const WORKER = '00000000-0000-7000-8000-000000000001';

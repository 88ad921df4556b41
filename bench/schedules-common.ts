import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Client } from 'pg';
import { v7 } from 'uuid';
import type { BenchServices } from './services.js';

/** What a scheduler of the benchmark is told: a process of its own. */
export interface SchedulerOrder {
  readonly applicationUrl: string;
  /** `batches`: everything that is due, as fast as it goes. `idle`: so many looks. `ticks`: as it runs in production, for so many seconds. */
  readonly work: 'batches' | 'idle' | 'ticks';
  readonly amount: number;
}

export interface SchedulerResult {
  /** Milliseconds each look or batch took. */
  readonly times: readonly number[];
  readonly began: number;
  readonly ended: number;
  /** Processor time of the process itself, in microseconds. */
  readonly cpu: number;
}

/** Schedulers that begin at the same moment, and what each has measured. */
export async function runSchedulers(processes: number, order: SchedulerOrder): Promise<SchedulerResult[]> {
  const children = Array.from({ length: processes }, () =>
    fork(new URL('./schedules-cell.js', import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
  );
  const said = (child: (typeof children)[number], word: 'ready' | 'result'): Promise<unknown> =>
    new Promise((resolve, reject) => {
      child.on('message', (message: Record<string, unknown>) => {
        if (message[word] !== undefined) resolve(message[word]);
      });
      child.once('exit', (code) => reject(new Error(`a scheduler ended with code ${code}`)));
    });
  try {
    const ready = children.map((child) => said(child, 'ready'));
    for (const child of children) child.send(order);
    await Promise.all(ready);
    const results = children.map((child) => said(child, 'result') as Promise<SchedulerResult>);
    for (const child of children) child.send('begin');
    return await Promise.all(results);
  } finally {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null) return;
        child.disconnect();
        await once(child, 'exit');
      }),
    );
  }
}

/** A database with so many rules of a thousand owners, of which none is due for a year. */
export async function plantRules(
  services: BenchServices,
  rules: number,
): Promise<{ ownerUrl: string; applicationUrl: string; client: Client }> {
  const addresses = await services.createDatabase();
  const client = new Client({ connectionString: addresses.ownerUrl });
  await client.connect();
  const owners = Array.from({ length: 1_000 }, () => v7());
  await client.query(
    `insert into users (id, email, email_key) select id, id || '@bench.test', id || '@bench.test' from unnest($1::uuid[]) as id`,
    [owners],
  );
  const each = 50_000;
  for (let planted = 0; planted < rules; planted += each) {
    const ids = Array.from({ length: Math.min(each, rules - planted) }, () => v7());
    await client.query(
      `insert into schedule_rules (id, user_id, name, rule_type, interval_seconds, dst_policy, overlap_policy, missed_policy,
                                   job_template, anchor_at, next_run_at, tz_version)
       select id, ($2::uuid[])[1 + n % 1000], 'bench', 'interval', 86400, '{"gap": "run_after", "overlap": "first"}',
              case when n % 2 = 0 then 'skip' else 'allow' end, 'run_all', '{"type": "no-op", "payload": {"n": 1}}',
              date_trunc('second', now()) + interval '1 year', date_trunc('second', now()) + interval '1 year' + n * interval '1 ms', 'bench'
         from unnest($1::uuid[]) with ordinality as one (id, n)`,
      [ids, owners],
    );
  }
  await client.query('vacuum analyze schedule_rules');
  return { ...addresses, client };
}

/** So many rules, spread over all of them, have been due for a moment. */
export async function makeDue(client: Client, rules: number, due: number): Promise<void> {
  const { rowCount } = await client.query(
    `update schedule_rules set next_run_at = date_trunc('second', now()), anchor_at = date_trunc('second', now())
      where id in (select id from (select id, row_number() over (order by id) as n from schedule_rules) as all_rules
                    where n % $1 = 0 limit $2)`,
    [Math.max(1, Math.floor(rules / due)), due],
  );
  if (rowCount !== due) throw new Error(`${rowCount} rules are due`);
}

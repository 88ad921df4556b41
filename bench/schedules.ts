import { cpus, loadavg } from 'node:os';
import type { Client } from 'pg';
import { head, median, quantile, row, whole, write } from './jobs-common.js';
import { makeDue, plantRules, runSchedulers } from './schedules-common.js';
import { startBenchServices, type BenchServices } from './services.js';

/**
 * The numbers of the scheduler.
 *
 *   npm run bench:schedules                          everything
 *   npm run bench:schedules -- tick 1000000 10000 3  rules, due ones, rounds: with one process and with two
 *   npm run bench:schedules -- idle 1000000 1000     rules, looks
 *   npm run bench:schedules -- lag 1000 20           slots a second, seconds
 */
const PARTS: Record<string, (services: BenchServices, numbers: readonly number[]) => Promise<void>> = {
  tick: (services, [rules = 1_000_000, due = rules / 100, rounds = 3]) => tick(services, rules, due, rounds),
  idle: (services, [rules = 1_000_000, looks = 1_000]) => idle(services, rules, looks),
  lag: (services, [perSecond = 1_000, seconds = 20]) => lag(services, perSecond, seconds),
};

const spent = (services: BenchServices): number => services.spent().postgres;

async function tick(services: BenchServices, rules: number, due: number, rounds: number): Promise<void> {
  const { applicationUrl, ownerUrl, client } = await plantRules(services, rules);
  write(`\n${whole(due)} of ${whole(rules)} rules due in one tick, ${rounds} rounds\n`);
  head(
    'processes',
    'slots/s, median',
    'slowest',
    'fastest',
    'ms a batch, median',
    'Node, µs a slot',
    'PostgreSQL, µs a slot',
  );
  for (const processes of [1, 2]) {
    const rates: number[] = [];
    const batches: number[] = [];
    let server = 0;
    let node = 0;
    for (let round = 0; round < rounds; round++) {
      await makeDue(client, rules, due);
      await client.query('vacuum analyze schedule_rules');
      await client.query('checkpoint');
      const before = spent(services);
      const results = await runSchedulers(processes, { applicationUrl, work: 'batches', amount: 0 });
      server += spent(services) - before;
      node += results.reduce((sum, result) => sum + result.cpu, 0);
      const began = Math.min(...results.map((result) => result.began));
      const ended = Math.max(...results.map((result) => result.ended));
      rates.push((due / (ended - began)) * 1000);
      batches.push(...results.flatMap((result) => result.times));
      await tellStatements(services, due);
      await check(client, due);
    }
    row(
      processes,
      whole(median(rates)),
      whole(Math.min(...rates)),
      whole(Math.max(...rates)),
      whole(median(batches)),
      whole(node / due / rounds),
      whole(server / due / rounds),
    );
  }
  await client.end();
  await services.dropDatabase(ownerUrl);
}

/** Every slot is there once, with its job; then all of it is taken away for the next round. */
async function check(client: Client, due: number): Promise<void> {
  const { rows } = await client.query<{ slots: number; jobs: number; left: number }>(
    `select (select count(*) from schedule_slots where outcome = 'fired' and job_id is not null)::integer as slots,
            (select count(*) from jobs)::integer as jobs,
            (select count(*) from schedule_rules where next_run_at <= now())::integer as left`,
  );
  const { slots = 0, jobs = 0, left = 0 } = rows[0] ?? {};
  if (slots !== due || jobs !== due || left !== 0)
    throw new Error(`${slots} slots and ${jobs} jobs of ${due}, ${left} left`);
  await client.query('truncate schedule_slots, jobs, job_logs, audit_logs');
}

async function idle(services: BenchServices, rules: number, looks: number): Promise<void> {
  const { applicationUrl, ownerUrl, client } = await plantRules(services, rules);
  const before = spent(services);
  const [result] = await runSchedulers(1, { applicationUrl, work: 'idle', amount: looks });
  const server = spent(services) - before;
  const times = result?.times ?? [];
  write(`\nA tick with ${whole(rules)} rules of which none is due, ${whole(looks)} of them\n`);
  head('median ms', 'p99 ms', 'Node, µs a tick', 'PostgreSQL, µs a tick');
  row(
    median(times).toFixed(2),
    quantile(times, 0.99).toFixed(2),
    whole((result?.cpu ?? 0) / looks),
    whole(server / looks),
  );
  await client.end();
  await services.dropDatabase(ownerUrl);
}

async function lag(services: BenchServices, perSecond: number, seconds: number): Promise<void> {
  const { applicationUrl, ownerUrl, client } = await plantRules(services, perSecond * 10);
  // Every rule once in ten seconds, evenly spread over the milliseconds.
  await client.query(
    `update schedule_rules r set interval_seconds = 10, overlap_policy = 'allow', anchor_at = n.at, next_run_at = n.at
       from (select id, now() + interval '15 seconds' + (row_number() over (order by id)) * interval '10 seconds' / $1 as at
               from schedule_rules) as n where n.id = r.id`,
    [perSecond * 10],
  );
  await client.query('vacuum analyze schedule_rules');
  await runSchedulers(1, { applicationUrl, work: 'ticks', amount: seconds + 15 });
  const { rows } = await client.query<{ slots: number; p50: number; p99: number; most: number }>(
    `select count(*)::integer as slots,
            (percentile_cont(0.5) within group (order by lag))::float8 as p50,
            (percentile_cont(0.99) within group (order by lag))::float8 as p99, max(lag)::float8 as most
       from (select extract(epoch from decided_at - scheduled_for) * 1000 as lag from schedule_slots
              where scheduled_for > (select min(scheduled_for) + interval '3 seconds' from schedule_slots)) as slots`,
  );
  const { slots = 0, p50 = 0, p99 = 0, most = 0 } = rows[0] ?? {};
  write(
    `\n${whole(perSecond)} slots a second for ${seconds} s, one process: planned instant to committed job\n`,
  );
  head('slots', 'p50 ms', 'p99 ms', 'slowest ms');
  row(whole(slots), whole(p50), whole(p99), whole(most));
  await client.end();
  await services.dropDatabase(ownerUrl);
}

async function tellStatements(services: BenchServices, slots: number): Promise<void> {
  for (const line of await services.statements(slots)) process.stderr.write(`${line}\n`);
}

async function main(): Promise<void> {
  const [part, ...numbers] = process.argv.slice(2);
  const parts = part === undefined ? Object.keys(PARTS) : [part];
  const unknown = parts.find((name) => !(name in PARTS));
  if (unknown !== undefined)
    throw new Error(`no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
  const services = await startBenchServices();
  write(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)} before, Node ${process.version}`);
  try {
    for (const name of parts) await PARTS[name]?.(services, numbers.map(Number));
  } finally {
    await services.stop();
  }
}

await main();

import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { v7 } from 'uuid';
import { startBenchServices } from '../../bench/services.js';
import { judgeLedger, type Verdict } from '../harness/ledger-verdict.js';
import { StewardProcess } from '../harness/process.js';
import { CHANGES, insertRules, sampleRule } from '../harness/rule-sample.js';
import { WallClock } from '../harness/schedule-oracle.js';
import { keepJournal } from '../harness/simulated-journal.js';
import { setTime, simulateTime } from '../harness/simulated-time.js';
import { SimulatedWork } from '../harness/simulated-work.js';
import { Random } from './random.js';

/**
 * npm run faults:schedules -- [--rules N] [--schedulers N] [--change gap|overlap|week] [--seed S] [--step seconds] [--pause ms]
 *
 * A day in which the clocks of twelve zones change, on a clock of the database that this program sets on by steps,
 * while scheduler processes are killed, suspended and started again at random, and jobs begin and end. Once a day all
 * schedulers are gone for some hours; in the `week`, for a week, with a tenth of the rules. At the end the ledger is
 * held against what an oracle says that knows nothing of the planner. Ends with 1 when anything is missing, invented,
 * made twice or other than the policies say.
 */
const { values } = parseArgs({
  options: {
    rules: { type: 'string', default: '10000' },
    schedulers: { type: 'string', default: '8' },
    change: { type: 'string' },
    seed: { type: 'string', default: '1' },
    step: { type: 'string', default: '60' },
    pause: { type: 'string', default: '250' },
  },
});
const MAIN = path.resolve(import.meta.dirname, '../../src/main.js');
const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const random = new Random(Number(values.seed));

/** What is played: how long, with which part of the rules, and for how long in the middle of it nobody looks. */
const PLAYS = {
  gap: { change: 'gap', days: 1, part: 1, down: 4 * HOUR_MS },
  overlap: { change: 'overlap', days: 1, part: 1, down: 4 * HOUR_MS },
  week: { change: 'gap', days: 8, part: 10, down: 7 * DAY_MS },
} as const;

interface Faults {
  kills: number;
  pauses: number;
}

/** One scheduler as it is shipped, started again when it is dead. */
class Scheduler {
  private process: StewardProcess | null = null;
  /** Steps until it goes on, or is started again; 0 while it runs. */
  private away = 0;

  constructor(private readonly environment: Readonly<Record<string, string>>) {}

  start(): void {
    const environment = { ...this.environment, STEWARD_ROLE: 'scheduler' };
    const started = StewardProcess.spawn(environment, this.environment['STEWARD_DATA_DIR'], [MAIN]);
    this.process = started;
    void this.outlive(started);
  }

  /** One that is suspended while it starts may find its connections gone and end; a supervisor starts it again. */
  private async outlive(started: StewardProcess): Promise<void> {
    const { signal, output } = await started.exit();
    if (signal !== 'SIGKILL') write(`  a scheduler ended by itself: ${output}`);
    if (this.process === started) this.process = null;
  }

  async step(faults: Faults): Promise<void> {
    if (this.away > 0) {
      this.away -= 1;
      if (this.away === 0) {
        if (this.process) this.process.kill('SIGCONT');
        else this.start();
      }
      return;
    }
    if (!this.process) this.start();
    const dice = random.below(1_000);
    if (dice < 4) await this.kill(faults);
    else if (dice < 14) {
      this.process?.kill('SIGSTOP');
      this.away = random.between(1, 60);
      faults.pauses += 1;
    }
  }

  async kill(faults: Faults, away = random.between(1, 60)): Promise<void> {
    const killed = this.process;
    this.process = null;
    this.away = away;
    if (!killed) return;
    faults.kills += 1;
    await killed.end('SIGKILL');
  }

  async end(): Promise<void> {
    this.process?.kill('SIGCONT');
    await this.process?.end('SIGKILL');
  }

  resume(): void {
    this.away = 0;
    if (this.process) this.process.kill('SIGCONT');
    else this.start();
  }
}

async function play(what: keyof typeof PLAYS): Promise<Verdict> {
  const { change, days, part, down } = PLAYS[what];
  const services = await startBenchServices();
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'steward-schedules-')));
  const { ownerUrl } = await services.createDatabase();
  const { from, zones } = CHANGES[change];
  const to = from + days * DAY_MS;
  const downAt = from + random.between(6, 18) * HOUR_MS;
  const clocks = new Map<string, WallClock>(zones.map((zone) => [zone, new WallClock(zone, from, to)]));
  for (const [zone, clock] of clocks)
    if (clock.changeIn(from, to) === 0) throw new Error(`the clocks of ${zone} do not change`);
  const client = new pg.Pool({ connectionString: ownerUrl, max: 2 });
  const began = performance.now();
  const faults: Faults = { kills: 0, pauses: 0 };
  const schedulers: Scheduler[] = [];
  try {
    await simulateTime(ownerUrl, new Date(from));
    await keepJournal(client);
    const rules = Array.from({ length: Math.ceil(Number(values.rules) / part) }, () =>
      sampleRule(random, zones, from),
    );
    const owners = Array.from({ length: 20 }, () => v7());
    await client.query(
      `insert into users (id, email, email_key, role) select id, id || '@faults.test', id || '@faults.test', 'admin' from unnest($1::uuid[]) as id`,
      [owners],
    );
    // The one type that every build has; nobody works, so no job of it ever runs.
    const template = { type: 'cleanup', payload: { dryRun: true } };
    await client.query(insertRules(rules, owners, template, from));
    const careful = rules.flatMap(({ id, overlapPolicy }) => (overlapPolicy === 'allow' ? [] : id));
    const work = new SimulatedWork(client, careful, new Random(Number(values.seed)));
    await work.begin();
    const environment = {
      DATABASE_URL: ownerUrl,
      STEWARD_DATA_DIR: directory,
      STEWARD_SECRET: 'one signing secret for every process of the faults',
      STEWARD_ADMIN_PASSWORD: 'the password of the faults',
    };
    for (let number = 0; number < Number(values.schedulers); number += 1)
      schedulers.push(new Scheduler(environment));
    for (const scheduler of schedulers) scheduler.start();
    const step = Number(values.step) * 1000;
    let wasDown = false;
    for (let now = from; now < to;) {
      now = Math.min(to, now + random.between(step / 2, (step * 3) / 2));
      if (now >= downAt && !wasDown) {
        wasDown = true;
        // They come back one after another while the first of them catch up, and are killed like any other.
        await Promise.all(schedulers.map((scheduler, index) => scheduler.kill(faults, 1 + 5 * index)));
        now += down;
      }
      await setTime(client, new Date(now));
      await ring(
        client,
        (await work.step(now)).filter(() => random.below(2) === 0),
      );
      await Promise.all(schedulers.map((scheduler) => scheduler.step(faults)));
      await sleep(Number(values.pause));
    }
    for (let due = 1; due > 0; await sleep(1_000)) {
      for (const scheduler of schedulers) scheduler.resume();
      await ring(client, await work.step(to));
      const { rows } = await client.query<{ due: number }>(
        `select count(*)::integer as due from schedule_rules
          where is_active and next_run_at <= $1 or look_at <= $1`,
        [new Date(to)],
      );
      due = rows[0]?.due ?? 0;
    }
    await Promise.all(schedulers.map((scheduler) => scheduler.end()));
    const verdict = await judgeLedger(client, rules, clocks, from, to);
    const { slots, jobs, waited, stopped, missing, invented, duplicates, wrong, outcomes } = verdict;
    const seconds = Math.round((performance.now() - began) / 1000);
    write(
      `| ${what} | ${values.schedulers} | ${rules.length} | ${faults.kills} | ${faults.pauses} | ${slots} | ${jobs} | ${waited} | ${stopped} | ${missing} | ${invented} | ${duplicates} | ${wrong} | ${seconds} |`,
    );
    write(`  ${JSON.stringify(outcomes)}`);
    for (const detail of verdict.details) write(`  ${detail}`);
    return verdict;
  } finally {
    await Promise.all(schedulers.map((scheduler) => scheduler.end().catch(() => undefined)));
    await client.end();
    await services.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the consumer of events does when a job has ended; nobody delivers them here. */
async function ring(client: pg.Pool, rules: readonly string[]): Promise<void> {
  await client.query(
    `update schedule_rules set look_at = now() where id = any ($1::uuid[]) and look_at > now()`,
    [rules],
  );
}

const wanted = (Object.keys(PLAYS) as (keyof typeof PLAYS)[]).filter(
  (what) => values.change === undefined || values.change === what,
);
write(`seed ${values.seed}, steps of about ${values.step} s every ${values.pause} ms`);
write(
  '| change | schedulers | rules | kills | suspensions | slots | jobs | waited | stopped | missing | invented | twice | wrong | seconds |',
);
write('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
let isRight = true;
for (const what of wanted) {
  const { missing, invented, duplicates, wrong } = await play(what);
  if (missing + invented + duplicates + wrong > 0) isRight = false;
}
process.exitCode = isRight ? 0 : 1;

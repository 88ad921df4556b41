import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { startBenchServices } from './services.js';

/**
 * What row-level security costs a request: two servers on one database, one as it is shipped, the other connected
 * as a superuser and without contexts. Both are asked the same in short turns, and each turn of one is compared with
 * the turn of the other beside it. Quote the ratios: absolute figures move with the machine, and requests per second
 * with its other load, too. The processor time of the server and of its PostgreSQL backends (Linux only) does so less.
 *
 *   npm run bench:rows -- [rounds] [seconds]
 */
const ROUTES = ['/api/users/me', '/api/notifications', '/api/jobs'] as const;
const CONNECTIONS = 16;
const PEOPLE_AND_ADMIN = 51;
const ROWS_EACH = 200;
/** Ids dealt out to everybody in turns, `owner` being whose it is. */
const OWNED = `unnest($1::uuid[]) with ordinality as given (id, place)
  join (select id as owner, row_number() over (order by id) - 1 as number, count(*) over () as people from users) person
    on number = place % people`;
const ADMIN = { identifier: 'admin@steward.local', password: 'the password of the benchmarks' };

export interface CellOrder {
  readonly databaseUrl: string;
  readonly password: string;
  readonly withRows: boolean;
}
export interface CellReady {
  readonly url: string;
}

async function startCell(order: CellOrder): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(new URL('./row-security-cell.js', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(order);
  const [{ url }] = (await once(child, 'message')) as [CellReady];
  return { child, url };
}

/** As many jobs and notifications for each of many people, so that a list is a small part of its table. */
async function fill(ownerUrl: string): Promise<void> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query(
    `insert into users (id, email, email_key) select gen_random_uuid(), n || '@bench.local', n || '@bench.local' from generate_series(1, $1::integer) n`,
    [PEOPLE_AND_ADMIN - 1],
  );
  const ids = (): string[] => Array.from({ length: PEOPLE_AND_ADMIN * ROWS_EACH }, () => v7());
  await client.query(
    `insert into notifications (id, user_id, type, title, message)
     select id, owner, 'bench', 'A title', 'A message of some words' from ${OWNED}`,
    [ids()],
  );
  await client.query(
    `insert into jobs (id, user_id, type, queue, payload, status, completed_at)
     select id, owner, 'bench', 'default', '{"n": 1}', 'completed', now() + interval '1 minute' from ${OWNED}`,
    [ids()],
  );
  await client.query('vacuum analyze');
  await client.end();
}

async function login(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ADMIN),
  });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

/** How many requests were answered within some seconds. */
async function load(url: string, route: string, token: string, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { authorization: `Bearer ${token}` };
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = get(`${url}${route}`, { agent, headers }, (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`${route}: ${answer.statusCode}`));
        answer.on('end', resolve).resume();
      });
      request.on('error', reject);
    });
  const end = performance.now() + seconds * 1000;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      await ask();
      done++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  agent.destroy();
  return done;
}

/** One of the two servers, with the backends that PostgreSQL runs for it. */
class Side {
  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
    private readonly role: string,
    private readonly watcher: Client,
  ) {}

  static async start(watcher: Client, order: CellOrder): Promise<Side> {
    const { child, url } = await startCell(order);
    return new Side(child, url, new URL(order.databaseUrl).username, watcher);
  }

  login(): Promise<string> {
    return login(this.url);
  }

  /** Requests per second, and processor microseconds per request; NaN where nobody tells. */
  async turn(route: string, token: string, seconds: number): Promise<Turn> {
    const [cpuBefore, began] = [await this.cpuSeconds(), performance.now()];
    const done = await load(this.url, route, token, seconds);
    const elapsed = (performance.now() - began) / 1000;
    return { rate: done / elapsed, cpu: (((await this.cpuSeconds()) - cpuBefore) * 1e6) / done };
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  private async cpuSeconds(): Promise<number> {
    const { rows } = await this.watcher.query<{ pid: number }>(
      `select pid from pg_stat_activity where usename = $1 and pid <> pg_backend_pid() and application_name like 'steward%'`,
      [this.role],
    );
    return [this.child.pid ?? 0, ...rows.map(({ pid }) => pid)]
      .map(cpuSecondsOf)
      .reduce((sum, one) => sum + one, 0);
  }
}

interface Turn {
  readonly rate: number;
  readonly cpu: number;
}

/** User and system time of a process, which Linux counts in hundredths of a second. */
function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.round((values.length - 1) * part)] ?? Number.NaN;
}
const median = (values: readonly number[]): number => quantile(values, 0.5);

async function compare(route: string, on: Side, off: Side, rounds: number, seconds: number): Promise<string> {
  const token = await on.login();
  const turns: { on: Turn; off: Turn }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const first = await (round % 2 === 0 ? on : off).turn(route, token, seconds);
    const second = await (round % 2 === 0 ? off : on).turn(route, token, seconds);
    // The first round warms up.
    if (round > 0) turns.push(round % 2 === 0 ? { on: first, off: second } : { on: second, off: first });
  }
  const cells = (['rate', 'cpu'] as const).flatMap((what) => {
    const ratios = turns.map((turn) => turn.on[what] / turn.off[what]);
    const [low, high] = [quantile(ratios, 0.25).toFixed(2), quantile(ratios, 0.75).toFixed(2)];
    const [with_, without] = [turns.map((turn) => turn.on[what]), turns.map((turn) => turn.off[what])];
    return [
      Math.round(median(with_)),
      Math.round(median(without)),
      `${median(ratios).toFixed(2)} (${low}–${high})`,
    ];
  });
  return `| ${[route, ...cells].join(' | ')} |`;
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 40);
  const seconds = Number(process.argv[3] ?? 1);
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  const services = await startBenchServices();
  const sides: Side[] = [];
  try {
    const { ownerUrl, applicationUrl } = await services.createDatabase();
    const watcher = new Client({ connectionString: ownerUrl, application_name: 'bench' });
    watcher.on('error', () => undefined);
    await watcher.connect();
    const order = { password: ADMIN.password };
    const on = await Side.start(watcher, { ...order, databaseUrl: applicationUrl, withRows: true });
    sides.push(on);
    const off = await Side.start(watcher, { ...order, databaseUrl: ownerUrl, withRows: false });
    sides.push(off);
    await fill(ownerUrl);
    write(
      `${CONNECTIONS} connections, ${rounds} rounds of ${seconds} s each, ${cpus().length} cores, Node ${process.version}`,
    );
    write(
      '| route | requests/s with | without | ratio (quartiles) | CPU µs/request with | without | ratio (quartiles) |',
    );
    write('| --- | --- | --- | --- | --- | --- | --- |');
    for (const route of ROUTES) write(await compare(route, on, off, rounds, seconds));
    await watcher.end();
  } finally {
    for (const side of sides) side.stop();
    await services.stop();
  }
}

await main();

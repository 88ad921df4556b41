import { JwtService } from '@nestjs/jwt';
import { hash } from '@node-rs/argon2';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { freePort } from '../src/kernel/database/embedded/postmaster.js';
import { Keyring } from '../src/kernel/crypto/index.js';
import { accessTokenOptions } from '../src/modules/auth/sessions/access-tokens.js';
import { RefreshTokens } from '../src/modules/auth/sessions/refresh-tokens.js';
import { SigningKeys } from '../src/modules/auth/sessions/signing-keys.js';
import { NO_LIMITS } from './no-limits.js';
import { startBenchServices } from './services.js';

/**
 * Logins, refreshes and reads behind a session check, of one server process asked over keep-alive connections by
 * this process on the same machine. Users and sessions are put into the database beforehand, with genuine tokens.
 *
 *   npm run bench:auth -- [seconds per row] [sessions]
 */
const SECRET = 'the signing secret of the benchmark, long enough';
const PASSWORD = 'the password of the benchmark';
const USERS = 500;

interface Session {
  readonly accessToken: string;
  refreshToken: string;
}
interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the server process alone, which other work on the machine changes less than the rate. */
  readonly cpuMicroseconds: number;
  readonly residentMegabytes: number;
}

const PEER: Readonly<Record<string, string>> = { logins: '29', refreshes: '2,600', 'lists of 20': '1,180' };

class Server {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly agent: Agent,
  ) {}

  static async start(environment: Readonly<Record<string, string | undefined>>): Promise<Server> {
    const port = await freePort();
    const program = path.resolve(import.meta.dirname, '../src/main.js');
    const env = { PATH: process.env['PATH'], ...environment, PORT: String(port) };
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const server = new Server(child, port, agent);
    while ((await server.send('GET', '/api/health/ready').catch(() => null))?.status !== 200) {
      if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return server;
  }

  send(
    method: string,
    place: string,
    token?: string,
    body?: object,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      };
      const sent = request(
        { port: this.port, host: '127.0.0.1', path: place, method, headers, agent: this.agent },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => (text += part));
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        },
      );
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  async residentMegabytes(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8').catch(() => '');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
  }

  /** User and system time so far, in microseconds; the kernel counts in hundredths of a second. */
  async cpuMicroseconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.child.pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) * 10_000;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    this.agent.destroy();
    await ended;
  }
}

/** Users with one password, sessions spread over them, all with tokens as the server makes them. */
async function fill(databaseUrl: string, count: number): Promise<{ sessions: Session[]; admin: string }> {
  const keys = new SigningKeys(new Keyring(SECRET));
  const tokens = new RefreshTokens(keys);
  const jwt = new JwtService(accessTokenOptions(keys));
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const users = Array.from({ length: USERS }, () => v7());
  await client.query(
    `insert into users (id, email, email_key, password_hash, role)
     select id, 'bench' || n || '@steward.local', 'bench' || n || '@steward.local', $2,
            case when n = 1 then 'admin' else 'user' end
       from unnest($1::uuid[]) with ordinality as one (id, n)`,
    [users, await hash(PASSWORD)],
  );
  const rows = Array.from({ length: count }, (_, n) => ({
    id: v7(),
    userId: users[n % USERS] ?? '',
    nonce: tokens.nonce(),
  }));
  await client.query(
    `insert into sessions (id, user_id, refresh_hash, refresh_nonce, idle_expires_at, absolute_expires_at)
     select id, user_id, hash, nonce, now() + interval '14 days', now() + interval '90 days'
       from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) as one (id, user_id, hash, nonce)`,
    [
      rows.map(({ id }) => id),
      rows.map(({ userId }) => userId),
      rows.map(({ id, nonce }) => tokens.hash(id, 0, nonce)),
      rows.map(({ nonce }) => nonce),
    ],
  );
  await client.query('analyze');
  await client.end();
  const iat = Math.floor(Date.now() / 1000);
  const sessions = rows.map(({ id, userId, nonce }) => ({
    accessToken: jwt.sign({ sub: userId, sid: id, jti: v7(), iat, exp: iat + 3_600 }),
    refreshToken: tokens.token(id, 0, nonce),
  }));
  return { sessions, admin: sessions[0]?.accessToken ?? '' };
}

/** So many at a time for so long, after a third of that to warm up. */
async function measure(
  what: string,
  server: Server,
  seconds: number,
  concurrency: number,
  ask: (n: number) => Promise<void>,
): Promise<Row> {
  let n = 0;
  const run = async (milliseconds: number): Promise<number[]> => {
    const end = performance.now() + milliseconds;
    const times: number[] = [];
    const work = async (): Promise<void> => {
      for (let began = performance.now(); began < end; began = performance.now()) {
        await ask(n++);
        times.push(performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return times;
  };
  await run(seconds * 333);
  const [cpuBefore, began] = [await server.cpuMicroseconds(), performance.now()];
  const times = await run(seconds * 1000);
  const elapsed = (performance.now() - began) / 1000;
  const cpu = (await server.cpuMicroseconds()) - cpuBefore;
  const sorted = times.toSorted((x, y) => x - y);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return {
    what,
    perSecond: times.length / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicroseconds: cpu / times.length,
    residentMegabytes: await server.residentMegabytes(),
  };
}

async function rowsOf(server: Server, sessions: Session[], admin: string, seconds: number): Promise<Row[]> {
  const expect = async (
    status: number,
    answer: Promise<{ status: number; text: string }>,
  ): Promise<string> => {
    const { status: got, text } = await answer;
    if (got !== status) throw new Error(`status ${got}: ${text}`);
    return text;
  };
  const sessionAt = (n: number): Session => sessions[n % sessions.length] as Session;
  return [
    await measure('reads with a session check', server, seconds, 64, async (n) => {
      await expect(200, server.send('GET', '/api/users/me', sessionAt(n).accessToken));
    }),
    await measure('lists of 20', server, seconds, 64, async () => {
      await expect(200, server.send('GET', '/api/users?limit=20', admin));
    }),
    await measure('refreshes', server, seconds, 32, async (n) => {
      const session = sessionAt(n);
      const { refreshToken } = session;
      const text = await expect(200, server.send('POST', '/api/auth/refresh', undefined, { refreshToken }));
      session.refreshToken = (JSON.parse(text) as { refreshToken: string }).refreshToken;
    }),
    await measure('logins', server, seconds, 8, async (n) => {
      const identifier = `bench${2 + (n % (USERS - 2))}@steward.local`;
      await expect(
        200,
        server.send('POST', '/api/auth/login', undefined, { identifier, password: PASSWORD }),
      );
    }),
  ];
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 10);
  const count = Number(process.argv[3] ?? 5_000);
  const services = await startBenchServices();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'steward-bench-auth-'));
  write(
    `${cpus().length} cores shared with the client, load ${loadavg()[0]?.toFixed(1)} before, Node ${process.version}, ${count} sessions`,
  );
  write(
    '| | per second | p50 ms | p99 ms | server CPU us each | resident MB | PocketBase, published for 2 vCPU |',
  );
  write('| --- | --- | --- | --- | --- | --- | --- |');
  try {
    for (const redisUrl of services.redisUrl === undefined ? [undefined] : [undefined, services.redisUrl]) {
      const { ownerUrl: databaseUrl } = await services.createDatabase();
      const { sessions, admin } = await fill(databaseUrl, count);
      const server = await Server.start({
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        STEWARD_SECRET: SECRET,
        STEWARD_DATA_DIR: dataDir,
        STEWARD_ROLE: 'api',
        STEWARD_DEMO: 'false',
        LOG_LEVEL: 'warn',
        ...NO_LIMITS,
      });
      try {
        for (const row of await rowsOf(server, sessions, admin, seconds))
          write(
            `| ${row.what}, ${redisUrl === undefined ? 'PostgreSQL alone' : 'with Redis'} | ${Math.round(row.perSecond)} | ${row.p50.toFixed(1)} | ${row.p99.toFixed(1)} | ${Math.round(row.cpuMicroseconds)} | ${Math.round(row.residentMegabytes)} | ${PEER[row.what] ?? ''} |`,
          );
      } finally {
        await server.stop();
      }
    }
  } finally {
    await services.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
  if (services.redisUrl === undefined) write('NOT RUN: the Redis rows (redis-server not found)');
}

await main();

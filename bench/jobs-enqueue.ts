import { Agent, request } from 'node:http';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { createHttpApplication } from '../src/kernel/http/application.js';
import { listen } from '../src/kernel/http/listen.js';
import { Log } from '../src/kernel/log/index.js';
import { FirstAdmin } from '../src/modules/auth/index.js';
import { head, row, runCell, whole, write, type CellOrder } from './jobs-common.js';
import { NoOpModule } from './jobs-steward.js';
import { Stopwatch } from './jobs-stopwatch.js';
import type { DrainResult } from './jobs-drain.js';
import { NO_LIMITS } from './no-limits.js';
import type { BenchServices } from './services.js';

const PASSWORD = 'the password of the benchmark';
const AT_ONCE = 50;
const BULK = 1000;
const WARM_UP = 200;

/** A server that only takes jobs, asked over kept connections by the same process, which pays for both sides. */
export async function measureEnqueue(order: CellOrder): Promise<DrainResult> {
  const settings = loadSettings({
    DATABASE_URL: order.applicationUrl,
    REDIS_URL: order.redisUrl,
    STEWARD_SECRET: 'the secret of the benchmarks, long enough',
    STEWARD_ADMIN_PASSWORD: PASSWORD,
    STEWARD_ROLE: 'api',
    ...NO_LIMITS,
    LOG_LEVEL: 'warn',
  });
  const log = Log.create({ level: 'warn', format: 'json' });
  const root = AppModule.forRoot({ settings, databaseUrl: order.applicationUrl, log });
  const app = await createHttpApplication({ ...root, imports: [...(root.imports ?? []), NoOpModule] }, log);
  await app.init();
  await app.get(FirstAdmin, { strict: false }).ensure();
  const url = await listen(app, '127.0.0.1', 0);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const credentials = { identifier: 'admin@steward.local', password: PASSWORD };
  const login = await post(url, agent, '/api/auth/login', credentials, 200);
  const token = (JSON.parse(login) as { accessToken: string }).accessToken;
  const job = { type: 'no-op', payload: { n: 1 } };
  const inBulk = order.cell.endsWith('bulk');
  const send = (): Promise<string> =>
    inBulk
      ? post(url, agent, '/api/jobs/bulk', { items: Array.from({ length: BULK }, () => job) }, 202, token)
      : post(url, agent, '/api/jobs', job, 202, token);
  const sendMany = async (requests: number): Promise<void> => {
    let left = requests;
    const one = async (): Promise<void> => {
      while (left-- > 0) await send();
    };
    await Promise.all(Array.from({ length: inBulk ? 2 : AT_ONCE }, one));
  };
  await sendMany(inBulk ? 2 : WARM_UP);
  const watch = new Stopwatch(order.cell);
  watch.start();
  await sendMany(Math.ceil(order.jobs / (inBulk ? BULK : 1)));
  const result = await watch.stop(order.jobs);
  agent.destroy();
  await app.close().catch(() => undefined);
  return result;
}

function post(
  url: string,
  agent: Agent,
  path: string,
  body: object,
  expected: number,
  token?: string,
): Promise<string> {
  const text = JSON.stringify(body);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method: 'POST', agent, headers }, (answer) => {
      let received = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (received += chunk));
      answer.on('end', () =>
        answer.statusCode === expected
          ? resolve(received)
          : reject(new Error(`${path}: ${answer.statusCode} ${received.slice(0, 300)}`)),
      );
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

export async function enqueue(services: BenchServices, singles: number, bulk: number): Promise<void> {
  write('### Jobs made by HTTP, with audit entry and authorization\n');
  head('', 'jobs/s', 'µs a job in Node, client and server', 'PostgreSQL', 'Redis');
  const store = services.redisUrl === undefined ? 'postgres' : 'redis';
  for (const [cell, jobs, name] of [
    [`enqueue-${store}`, singles, `POST /api/jobs, ${AT_ONCE} at once`],
    [`enqueue-${store}-bulk`, bulk, `POST /api/jobs/bulk, ${whole(BULK)} a request, 2 at once`],
  ] as const) {
    const { jobsPerSecond, spent } = await runCell<DrainResult>(services, { cell, jobs });
    row(name, whole(jobsPerSecond), spent.node.toFixed(0), spent.postgres.toFixed(0), spent.redis.toFixed(0));
  }
  write('');
}

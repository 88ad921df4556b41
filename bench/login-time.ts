import 'reflect-metadata';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppModule } from '../src/app.module.js';
import { loadSettings } from '../src/kernel/config/index.js';
import { Database } from '../src/kernel/database/index.js';
import { createHttpApplication } from '../src/kernel/http/application.js';
import { Log } from '../src/kernel/log/index.js';
import { PasswordHasher, UsersService } from '../src/modules/users/index.js';
import { NO_LIMITS } from './no-limits.js';
import { startBenchServices } from './services.js';

/**
 * Whether the time of a refused login tells why it was refused. Tries of all kinds, in random order, through HTTP
 * without a socket; each kind is compared with that of an unknown name by Welch's t-test. |t| below 4.5 is what
 * side-channel testing calls no evidence of a difference.
 *
 *   npm run bench:login-time -- [tries of each kind] [STEWARD_LOGIN_FLOOR_MS]
 */
const LANES = 2;
const LIMIT = 4.5;
const PASSWORD = 'the password of the bench';
const system = { type: 'system', name: 'bench' } as const;

interface Kind {
  readonly name: string;
  readonly identifier: string;
  readonly password: string;
}

async function main(): Promise<void> {
  const tries = Number(process.argv[2] ?? 400);
  const services = await startBenchServices();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'steward-bench-'));
  const { applicationUrl: databaseUrl } = await services.createDatabase();
  const settings = loadSettings({
    DATABASE_URL: databaseUrl,
    STEWARD_DATA_DIR: dataDir,
    STEWARD_ROLE: 'api',
    STEWARD_LOGIN_FLOOR_MS: process.argv[3],
    ...NO_LIMITS,
  });
  const log = Log.create({ level: 'fatal', format: 'json' });
  const app = await createHttpApplication(AppModule.forRoot({ settings, databaseUrl, log }), log);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();

  const [users, database] = [app.get(UsersService, { strict: false }), app.get(Database, { strict: false })];
  const ours = await app.get(PasswordHasher, { strict: false }).hash(PASSWORD);
  const make = (email: string, passwordHash: string, isActive = true) =>
    database.tx((tx) => users.create(tx, system, { email, passwordHash, isActive }));
  await make('known@bench.test', ours);
  await make('imported@bench.test', await bcrypt(PASSWORD, 10));
  await make('inactive@bench.test', ours, false);
  const unknown: Kind = { name: 'unknown name', identifier: 'nobody@bench.test', password: PASSWORD };
  const kinds: Kind[] = [
    unknown,
    { name: 'wrong password', identifier: 'known@bench.test', password: 'another password' },
    { name: 'wrong password, bcrypt', identifier: 'imported@bench.test', password: 'another password' },
    { name: 'inactive account', identifier: 'inactive@bench.test', password: PASSWORD },
    { name: 'no possible name', identifier: 'a@@b', password: PASSWORD },
  ];

  const times = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  const attempt = async (kind: Kind): Promise<void> => {
    const began = performance.now();
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/api/auth/login',
      payload: { identifier: kind.identifier, password: kind.password },
    });
    if (statusCode !== 401) throw new Error(`${kind.name} was answered ${statusCode}`);
    times.get(kind)?.push(performance.now() - began);
  };
  const order = shuffled(kinds.flatMap((kind) => Array.from({ length: tries }, () => kind)));
  for (const kind of kinds) await attempt(kind); // warm; taken out again below
  for (const measured of times.values()) measured.length = 0;
  const lane = async (): Promise<void> => {
    for (let kind = order.pop(); kind; kind = order.pop()) await attempt(kind);
  };
  await Promise.all(Array.from({ length: LANES }, lane));

  process.stdout.write(`${tries} tries of each kind, floor ${settings.loginFloorMs} ms\n`);
  const base = times.get(unknown) ?? [];
  for (const [kind, measured] of times) {
    const t = kind === unknown ? 0 : welch(measured, base);
    const verdict = Math.abs(t) < LIMIT ? 'not told apart' : 'TOLD APART';
    const columns = [
      kind.name.padEnd(24),
      `${mean(measured).toFixed(2)} ms`.padStart(11),
      `t = ${t.toFixed(2)}`.padStart(12),
    ];
    process.stdout.write(`${columns.join('  ')}  ${verdict}\n`);
  }
  await app.close();
  await services.stop();
  await rm(dataDir, { recursive: true, force: true });
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

const variance = (values: readonly number[]): number => {
  const middle = mean(values);
  return values.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (values.length - 1);
};

function welch(a: readonly number[], b: readonly number[]): number {
  return (mean(a) - mean(b)) / Math.sqrt(variance(a) / a.length + variance(b) / b.length);
}

function shuffled<T>(values: T[]): T[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

await main();

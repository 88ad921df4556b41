import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StewardProcess } from '../harness/process.js';
import { Proxy } from './proxy.js';
import { PostgresStore, RedisStore } from './stores.js';

export type Backend = 'redis' | 'postgres';
export type Role = 'api' | 'worker' | 'scheduler';

export const PASSWORD = 'the password of the faults';
/** What every process of a cluster is. */
const ROLES: readonly Role[] = ['api', 'worker', 'worker', 'scheduler'];

/** One server process, started again whenever it ends, as a supervisor would. */
export class Server {
  private current: StewardProcess | null = null;
  private wanted = false;
  private round: Promise<void> = Promise.resolve();
  /** How often it ended without having been told to. */
  unexpectedEnds = 0;
  private expected = false;
  lastOutput = '';

  constructor(
    readonly role: Role,
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly directory: string,
    private readonly logFile: string | null,
  ) {}

  start(): void {
    this.wanted = true;
    this.round = this.keepRunning();
  }

  get process(): StewardProcess | null {
    return this.current;
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.expected = true;
    if (this.current) process.kill(this.current.pid, signal);
  }

  /** Its address, when it serves; null while it does not. */
  async url(): Promise<string | null> {
    return (await this.current?.url().catch(() => null)) ?? null;
  }

  async running(): Promise<void> {
    for (let tries = 0; tries < 3; tries++) {
      const started = this.current?.running().then(
        () => true,
        () => false,
      );
      if (await (started ?? sleep(1_000, false))) return;
    }
    throw new Error(`the ${this.role} did not start: ${this.lastOutput}`);
  }

  async stop(): Promise<void> {
    this.wanted = false;
    this.expected = true;
    this.current?.kill('SIGCONT');
    this.current?.kill('SIGKILL');
    await this.round;
  }

  private async keepRunning(): Promise<void> {
    while (this.wanted) {
      this.expected = false;
      this.current = StewardProcess.spawn(this.environment, this.directory, [
        '--import',
        SHIFT_CLOCK,
        SERVER,
      ]);
      const { output } = await this.current.exit();
      this.current = null;
      this.lastOutput = output.slice(-4_000);
      if (this.logFile !== null) await appendFile(this.logFile, `${output}\n--- ended ---\n`);
      if (!this.expected) this.unexpectedEnds += 1;
      if (this.wanted) await sleep(250);
    }
  }
}

/** Stores and servers of one run, all on the loopback address, each store behind a cable that can be cut. */
export class Cluster {
  private constructor(
    readonly backend: Backend,
    readonly directory: string,
    readonly postgres: PostgresStore,
    readonly postgresCable: Proxy,
    readonly redis: RedisStore | null,
    readonly redisCable: Proxy | null,
    readonly servers: readonly Server[],
  ) {}

  /** With a folder for logs, what the processes say is kept there. */
  static async start(backend: Backend, logs: string | null): Promise<Cluster> {
    const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'steward-faults-')));
    const postgres = await PostgresStore.start(path.join(directory, 'postgres'));
    const postgresCable = await Proxy.to(postgres.port);
    await mkdir(path.join(directory, 'redis'));
    const redis = backend === 'redis' ? await RedisStore.start(path.join(directory, 'redis')) : null;
    const redisCable = redis && (await Proxy.to(redis.port));
    const url = new URL(postgres.url);
    url.port = String(postgresCable.port);
    const servers = ROLES.map(
      (role, index) =>
        new Server(
          role,
          {
            STEWARD_ROLE: role,
            DATABASE_URL: url.href,
            REDIS_URL: redisCable ? `redis://127.0.0.1:${redisCable.port}` : undefined,
            STEWARD_DATA_DIR: path.join(directory, 'data'),
            STEWARD_SECRET: 'one signing secret for every process of the cluster',
            STEWARD_ADMIN_PASSWORD: PASSWORD,
            STEWARD_SHUTDOWN_SECONDS: '2',
            FAULT_CLOCK_HOURS: index % 2 === 0 ? '7' : '-5',
          },
          directory,
          logs && path.join(logs, `${backend}-${index}-${role}.log`),
        ),
    );
    if (logs !== null) await mkdir(logs, { recursive: true });
    return new Cluster(backend, directory, postgres, postgresCable, redis, redisCable, servers);
  }

  only(role: Role): Server[] {
    return this.servers.filter((server) => server.role === role);
  }

  get api(): Server {
    return this.only('api')[0]!;
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.servers.map((server) => server.stop()));
    this.postgresCable.close();
    this.redisCable?.close();
    await this.redis?.kill();
    await this.postgres.remove();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The compiled files, also when this one runs from its source. */
function compiled(name: string): string {
  const beside = path.join(import.meta.dirname, name);
  return existsSync(beside) ? beside : path.resolve(import.meta.dirname, '../../dist/test/faults', name);
}

const SERVER = compiled('server.js');
const SHIFT_CLOCK = compiled('move-clock.js');

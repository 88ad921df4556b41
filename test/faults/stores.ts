import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../../src/kernel/database/embedded/embedded-postgres.js';
import { freePort } from '../../src/kernel/database/embedded/postmaster.js';
import { startRedisServer, type RedisServer } from '../harness/redis-server.js';
import { until } from '../harness/until.js';

/** A PostgreSQL with durable settings on files of its own, that can be ended as by a crash and started again. */
export class PostgresStore {
  private constructor(
    private readonly directory: string,
    readonly port: number,
    readonly url: string,
  ) {}

  static async start(directory: string): Promise<PostgresStore> {
    const port = await freePort();
    const { url } = await startEmbeddedPostgres({ directory, port, settings: { max_connections: '200' } });
    return new PostgresStore(directory, port, url);
  }

  /** `pg_ctl stop -m immediate`: nothing is written down any more; what was committed has to be recovered. */
  async crash(): Promise<void> {
    const pid = await this.pid();
    if (pid === null) return;
    process.kill(pid, 'SIGQUIT');
    await until(() => !isAlive(pid), { timeoutMs: 30_000, describe: 'PostgreSQL to end' });
  }

  async startAgain(): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        const settings = { max_connections: '200' };
        await startEmbeddedPostgres({ directory: this.directory, port: this.port, settings });
        return;
      } catch (error) {
        if (tries === 5) throw error;
        await sleep(500);
      }
    }
  }

  async remove(): Promise<void> {
    await this.crash().catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }

  private async pid(): Promise<number | null> {
    const file = path.join(this.directory, 'cluster/postmaster.pid');
    const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
    return pid > 0 && isAlive(pid) ? pid : null;
  }
}

/** Also false for one that has ended and whose parent has not asked after it yet. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A Redis that keeps its data in an append-only file, until it is told to forget. */
export class RedisStore {
  private constructor(
    private readonly directory: string,
    private server: RedisServer,
  ) {}

  static async start(directory: string): Promise<RedisStore> {
    return new RedisStore(directory, await startRedisServer(optionsFor(directory)));
  }

  get port(): number {
    return this.server.port;
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  async startAgain({ empty }: { empty: boolean }): Promise<void> {
    if (empty) await rm(path.join(this.directory, 'appendonlydir'), { recursive: true, force: true });
    this.server = await startRedisServer(optionsFor(this.directory), this.server.port);
  }
}

const optionsFor = (dir: string) => ({
  dir,
  appendonly: 'yes',
  appendfsync: 'always',
  'maxmemory-policy': 'noeviction',
});

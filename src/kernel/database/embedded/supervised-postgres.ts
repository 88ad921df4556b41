import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres.js';

/** Between two tries to bring a dead server back. */
const PAUSE_MS = 1_000;

/**
 * The embedded server, started again on its port when it dies under the running process: nobody else would, and
 * the pools that know its address find it again by themselves. Every process that uses it watches; the first to
 * notice starts it and the others join.
 */
export async function superviseEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const supervisor = new Supervisor(options, await startEmbeddedPostgres(options));
  await supervisor.watch();
  const { url, port, adopted } = supervisor.server;
  return { url, port, adopted, release: () => supervisor.release() };
}

class Supervisor {
  private watcher: Client | null = null;
  private recovery: Promise<void> = Promise.resolve();
  private released = false;

  constructor(
    private readonly options: EmbeddedPostgresOptions,
    public server: EmbeddedPostgres,
  ) {}

  async watch(): Promise<void> {
    const client = new Client({
      connectionString: this.server.url,
      application_name: 'steward watch',
      keepAlive: true,
    });
    client.on('error', () => undefined); // 'end' follows
    await client.connect();
    this.watcher = client;
    client.once('end', () => {
      if (!this.released) this.recovery = this.bringBack();
    });
  }

  /** Waits for a recovery that is under way: what it has started must be let go of too. */
  async release(): Promise<void> {
    this.released = true;
    await this.recovery;
    await this.watcher?.end().catch(() => undefined);
    await this.server.release();
  }

  private async bringBack(): Promise<void> {
    while (!this.released) {
      try {
        await this.server.release();
        this.server = await startEmbeddedPostgres({ ...this.options, port: this.server.port });
        await this.watch();
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.options.onProgress?.(`PostgreSQL is gone and does not start yet: ${reason}`);
        await sleep(PAUSE_MS);
      }
    }
  }
}

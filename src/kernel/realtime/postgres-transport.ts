import pg from 'pg';
import { jitteredPause } from '../time/index.js';
import type { HubTransport, TransportEvents } from './hub-transport.js';

const CHANNEL = 'steward_hub';
const ANSWER_MS = 5_000;
const PROBE_MS = 10_000;

/**
 * LISTEN/NOTIFY on one connection of its own, outside the pool: a listener must keep its connection, and a
 * pooler that shares connections between transactions would lose it.
 *
 * NOTIFY takes one lock for the whole cluster at commit, so it is sent at most once per 25 ms and process, with
 * many payloads in one statement; never from inside a business transaction. A payload must be below 8000 bytes.
 */
export class PostgresTransport implements HubTransport {
  readonly maxBytes = 7_900;
  readonly intervalMs = 25;
  private client: pg.Client | null = null;
  private events: TransportEvents | null = null;
  private attempt = 0;
  private everConnected = false;
  private timer: NodeJS.Timeout | undefined;
  private probe: NodeJS.Timeout | undefined;

  constructor(private readonly url: string) {}

  get connected(): boolean {
    return this.client !== null;
  }

  async start(events: TransportEvents): Promise<void> {
    this.events = events;
    this.probe = setInterval(() => void this.check(), PROBE_MS).unref();
    await this.connect();
  }

  async send(payloads: readonly string[]): Promise<void> {
    if (!this.client) throw new Error('not connected to PostgreSQL');
    await this.client.query(
      `select pg_notify($1, payload) from unnest($2::text[]) with ordinality as one (payload, place) order by place`,
      [CHANNEL, payloads],
    );
  }

  async stop(): Promise<void> {
    this.events = null;
    clearTimeout(this.timer);
    clearInterval(this.probe);
    const client = this.client;
    this.client = null;
    await client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'steward hub',
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
    });
    client.on('error', () => this.lose(client));
    client.on('end', () => this.lose(client));
    client.on('notification', ({ payload }) => {
      if (client === this.client) this.events?.received(payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch {
      void client.end().catch(() => undefined);
      this.retry();
      return;
    }
    if (!this.events) {
      await client.end().catch(() => undefined);
      return;
    }
    this.client = client;
    this.attempt = 0;
    if (this.everConnected) this.events.reconnected();
    this.everConnected = true;
  }

  private lose(client: pg.Client): void {
    if (client !== this.client) return;
    this.client = null;
    void client.end().catch(() => undefined);
    this.retry();
  }

  private retry(): void {
    if (!this.events) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.connect(), jitteredPause(this.attempt++, 50, 2_000)).unref();
  }

  /** A connection whose other end vanished without a word looks idle for hours; only asking shows it. */
  private async check(): Promise<void> {
    const client = this.client;
    try {
      await client?.query('select 1');
    } catch {
      if (client) this.lose(client);
    }
  }
}

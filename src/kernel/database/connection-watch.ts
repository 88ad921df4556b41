import pg, { type ClientBase, type Pool } from 'pg';

/** Between two looks. A statement that was under way at both is asked about. */
const PAUSE_MS = 5_000;
const ANSWER_MS = 3_000;

/** What the driver (pg 8.23) knows of a connection; its types leave it out. */
interface Wire {
  readonly processID: number | null;
  readonly _activeQuery: object | null | undefined;
  readonly connection: { readonly stream: { destroy(reason: Error): void } };
}
const wireOf = (client: ClientBase): Wire => client as unknown as Wire;

function activeOf(client: ClientBase): object | null {
  return wireOf(client)['_activeQuery'] ?? null;
}

/**
 * Finds connections whose other end vanished without a word, such as behind a firewall that has forgotten them.
 * Their statements would otherwise be waited for until the time limit of statements, and with them everything that
 * is written in turn: the outcomes of jobs, the beats, the next claims.
 *
 * When a statement has been under way for 5 to 10 s, the server is asked on a new connection what it knows of it. A
 * long statement is still at work there; one whose server process has been idle all the while is never going to be
 * answered. Then that connection is given up, and with it all others of the pool that wait for nothing: what cut the
 * one has cut them too, and a connection that only listens would never notice. The server process is ended, because
 * what its transaction has locked stays locked as long as it waits for the next statement. Who was waiting is told that
 * the connection is lost, as after any outage. While no new connection can be made nothing is done.
 *
 * Behind a pooler the server processes have other numbers and none is found: the time limits decide alone.
 */
export class ConnectionWatch {
  private readonly clients = new Set<ClientBase>();
  private readonly before = new Map<ClientBase, object>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(
    pool: Pool,
    private readonly url: string,
    private readonly pauseMs = PAUSE_MS,
  ) {
    // At every use, because the pool may have had connections before it was watched.
    pool.on('acquire', (client) => this.clients.add(client));
    pool.on('remove', (client) => this.clients.delete(client));
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), this.pauseMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const suspects = this.suspects();
      if (suspects.length === 0) return;
      const known = [...this.clients];
      const dead = await this.endIdle(suspects.map((client) => wireOf(client).processID ?? 0));
      if (!suspects.some((client) => dead.has(wireOf(client).processID ?? 0))) return;
      for (const client of known) {
        const { processID, connection } = wireOf(client);
        if (activeOf(client) === null || dead.has(processID ?? 0))
          connection.stream.destroy(new Error('Connection terminated: its other end is gone'));
      }
    } catch {
      // The server cannot be asked: nobody can be told from somebody who waits for it.
    } finally {
      this.looking = false;
    }
  }

  /** Those that wait for the same statement as at the look before. */
  private suspects(): ClientBase[] {
    const found: ClientBase[] = [];
    for (const client of this.clients) {
      const active = activeOf(client);
      if (active && this.before.get(client) === active) found.push(client);
    }
    this.before.clear();
    for (const client of this.clients) {
      const active = activeOf(client);
      if (active) this.before.set(client, active);
    }
    return found;
  }

  /** Ends those server processes that have had nothing to do for some time, and answers their numbers. */
  private async endIdle(processIds: readonly number[]): Promise<ReadonlySet<number>> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'steward watch',
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(
        `select pid, pg_terminate_backend(pid) from pg_stat_activity where pid = any($1::integer[]) and usename = current_user
            and state like 'idle%' and state_change < clock_timestamp() - make_interval(secs => $2)`,
        [processIds, this.pauseMs / 1_000],
      );
      return new Set(rows.map(({ pid }) => pid));
    } finally {
      void client.end().catch(() => undefined);
    }
  }
}

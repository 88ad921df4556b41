import { Client, DatabaseError, escapeIdentifier } from 'pg';
import { ROLE } from './cluster.js';
import { errorCode } from './embedded-postgres-error.js';

/** Name of the application's database on the embedded server. */
export const DATABASE = 'steward';

/** Two numbers no other part of Steward locks in the database `postgres`: "stew", "user". */
const USER_LOCK = [0x73746577, 0x75736572] as const;

export type JoinOutcome =
  | { outcome: 'joined'; session: ServerSession }
  /** Starting, stopping or not listening yet: look again. */
  | { outcome: 'not_ready' }
  | { outcome: 'rejected' };

/**
 * One connection that holds the shared advisory lock by which every user of the server says "in use". The lock is
 * bound to the connection, so a killed user lets go of it by itself.
 */
export class ServerSession {
  private lost = false;

  private constructor(private readonly client: Client) {
    client.on('error', () => {
      this.lost = true;
    });
  }

  /**
   * Waits while somebody holds the exclusive lock, that is, stops the server: then the connection breaks and the
   * answer is `not_ready`, after which a new server can be started.
   */
  static async join(port: number, password: string): Promise<JoinOutcome> {
    const client = new Client({
      ...connection(port, password),
      database: 'postgres',
      connectionTimeoutMillis: 10_000,
      ssl: false,
      lock_timeout: 30_000, // whoever stops the server may hang; the caller looks again until its own deadline
    });
    const session = new ServerSession(client);
    try {
      await client.connect();
      await client.query('select pg_advisory_lock_shared($1, $2)', [...USER_LOCK]);
      return { outcome: 'joined', session };
    } catch (error) {
      await client.end().catch(() => undefined);
      if (errorCode(error) === '28P01') return { outcome: 'rejected' };
      if (isNotReady(error)) return { outcome: 'not_ready' };
      throw error;
    }
  }

  async createDatabase(): Promise<void> {
    const { rowCount } = await this.client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount !== 0) return;
    const [database, role] = [escapeIdentifier(DATABASE), escapeIdentifier(ROLE)];
    await this.client.query(`create database ${database} owner ${role}`).catch((error: unknown) => {
      // duplicate_database, or its race on pg_database: another starter made it meanwhile
      if (!['42P04', '23505'].includes(errorCode(error) ?? '')) throw error;
    });
  }

  /**
   * Lets go of the server; true when nobody else uses it. Then the exclusive lock is held until the connection
   * ends, so that nobody joins a server that is about to stop.
   */
  async leave(): Promise<boolean> {
    if (this.lost) return false;
    try {
      await this.client.query('select pg_advisory_unlock_shared($1, $2)', [...USER_LOCK]);
      const { rows } = await this.client.query<{ last: boolean }>(
        'select pg_try_advisory_lock($1, $2) as last',
        [...USER_LOCK],
      );
      return rows[0]?.last === true;
    } catch (error) {
      if (this.lost || isNotReady(error)) return false; // the server went away by itself
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

export function databaseUrl(port: number, password: string): string {
  const { host, user } = connection(port, password);
  return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${DATABASE}`;
}

function connection(
  port: number,
  password: string,
): { host: string; port: number; user: string; password: string } {
  return { host: '127.0.0.1', port, user: ROLE, password };
}

/** A server that starts (57P03), stops (57P01), crashes (57P02) or stays locked (55P03), or no connection to it. */
function isNotReady(error: unknown): boolean {
  if (error instanceof DatabaseError) return ['57P01', '57P02', '57P03', '55P03'].includes(error.code ?? '');
  const code = errorCode(error);
  if (code !== undefined) return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code);
  return (
    error instanceof Error && /^Connection terminated|^timeout expired|not queryable/.test(error.message)
  );
}

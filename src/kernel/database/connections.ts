import { DatabaseError, type Pool, type PoolClient, type QueryConfig, type QueryResult } from 'pg';
import { fly, type Landing, type Step } from './flight.js';
import type { Queryable } from './handles.js';
import { isUnreachable } from './sql.js';

/** Named, so that it is understood once per connection. */
const BEGIN: Step = { name: 'steward_begin', text: 'begin', values: [] };

/**
 * Statements outside a transaction: each takes a connection of its own from the pool, so any number may run at the
 * same time. `before` goes ahead of each in the same round trip and the same implicit transaction.
 */
export class SingleStatements implements Queryable {
  constructor(
    private readonly pool: Pool,
    private readonly before: readonly Step[],
  ) {}

  async query<Row extends object>(statement: QueryConfig): Promise<QueryResult<Row>> {
    const held = await Held.from(this.pool);
    const landing = await held.fly<Row>(this.before, statement);
    held.release();
    return resultOf(landing);
  }
}

/** One transaction on one connection. It begins with its first statement, in the same round trip. */
export class Transaction implements Queryable {
  private begun = false;
  /** Why it did not begin; further statements would run outside of it. */
  private failed: { readonly error: unknown } | null = null;

  private constructor(
    private readonly held: Held,
    private readonly before: readonly Step[],
  ) {}

  static async open(pool: Pool, before: readonly Step[]): Promise<Transaction> {
    return new Transaction(await Held.from(pool), [BEGIN, ...before]);
  }

  async query<Row extends object>(statement: QueryConfig): Promise<QueryResult<Row>> {
    if (this.failed) throw this.failed.error;
    if (this.begun) return this.held.client.query<Row>(statement);
    this.begun = true;
    const landing = await this.held.fly<Row>(this.before, statement);
    if ('error' in landing && !landing.reached) this.failed = landing;
    return resultOf(landing);
  }

  /** Rejects when it was not committed: also when a failed statement, whose error was swallowed, has spoilt it. */
  async commit(): Promise<void> {
    if (!this.begun) return;
    if (this.failed) throw this.failed.error;
    const { command } = await this.held.client.query('commit');
    if (command !== 'COMMIT')
      throw new Error('nothing was committed: a statement of the transaction has failed');
  }

  async rollback(): Promise<void> {
    if (!this.begun) return;
    await this.held.client.query('rollback').catch(() => this.held.spoil());
  }

  close(): void {
    this.held.release();
  }
}

const listeners = new WeakMap<Pool, (seconds: number) => void>();

/** Who is told of each wait for a connection of the pool. */
export function reportWaits(pool: Pool, listener: (seconds: number) => void): void {
  listeners.set(pool, listener);
}

/** A connection taken from the pool. It goes back there, unless something happened after which it cannot be trusted. */
class Held {
  private spoilt = false;
  // Without a listener a connection that breaks would end the process; its statements are told anyway.
  private readonly spoilOnError = (): void => this.spoil();

  private constructor(readonly client: PoolClient) {
    client.on('error', this.spoilOnError);
  }

  static async from(pool: Pool): Promise<Held> {
    const began = performance.now();
    const client = await pool.connect();
    listeners.get(pool)?.((performance.now() - began) / 1000);
    return new Held(client);
  }

  async fly<Row extends object>(steps: readonly Step[], statement: QueryConfig): Promise<Landing<Row>> {
    const landing = await fly<Row>(this.client, steps, statement);
    if ('error' in landing && (landing.doubtful || !wasRefused(landing.error))) this.spoil();
    return landing;
  }

  spoil(): void {
    this.spoilt = true;
  }

  release(): void {
    this.client.off('error', this.spoilOnError);
    this.client.release(this.spoilt);
  }
}

/** The server has refused a statement and waits for the next one; anything else leaves the connection unclear. */
const wasRefused = (error: unknown): boolean => error instanceof DatabaseError && !isUnreachable(error);

function resultOf<Row extends object>(landing: Landing<Row>): QueryResult<Row> {
  if ('result' in landing) return landing.result;
  // From the socket's read the trace would lead nowhere; from here it leads back to whoever asked.
  if (landing.error instanceof Error) Error.captureStackTrace(landing.error);
  throw landing.error;
}

import pg, { type ClientBase, type Connection, type QueryConfig, type QueryResult } from 'pg';

/** A statement that goes before another one; prepared once per connection, and its answer is of no interest. */
export interface Step {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

export type Landing<Row extends object> =
  | { readonly result: QueryResult<Row> }
  | {
      readonly error: unknown;
      /** False: a step failed, and the server has skipped the statement. */
      readonly reached: boolean;
      /** Nobody knows whether the steps are prepared on this connection now: it must not be used again. */
      readonly doubtful: boolean;
    };

/**
 * Runs the steps and then the statement in one round trip, behind a single Sync of the protocol: when a step fails
 * the server skips the rest. Where no `begin` is among the steps they and the statement are a transaction of their
 * own, which the Sync commits, so that a setting local to a transaction holds for just this statement. Never rejects.
 */
export function fly<Row extends object>(
  client: ClientBase,
  steps: readonly Step[],
  statement: QueryConfig,
): Promise<Landing<Row>> {
  return new Promise((resolve) => {
    const flight = new Flight(statement, steps, (error, result) => {
      if (!error) resolve({ result: result as QueryResult<Row> });
      else resolve({ error, reached: flight.reached, doubtful: flight.prepared });
    });
    client.query(flight);
  });
}

type Callback = (error: unknown, result?: QueryResult) => void;

/** What a query of one's own overrides in the driver (pg 8.23); its types leave it out. */
interface DriverQuery {
  submit(connection: Connection): void;
  requiresPreparation(): boolean;
  prepare(connection: Connection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}
const DriverQuery = pg.Query as unknown as new (config: QueryConfig & { callback: Callback }) => DriverQuery;

/** The messages it sends; the types demand what the driver does not. */
interface Wire {
  parse(statement: { name: string; text: string }): void;
  bind(portal: { statement: string; values: readonly string[] }): void;
  execute(portal: null): void;
}

/** Names of the steps that each connection has prepared. */
const preparedOn = new WeakMap<Connection, Set<string>>();

class Flight extends DriverQuery {
  /** Steps whose end the server has not told yet. */
  private ahead: number;
  /** A step was prepared in this flight. */
  prepared = false;

  constructor(
    statement: QueryConfig,
    private readonly steps: readonly Step[],
    callback: Callback,
  ) {
    super({ ...statement, callback });
    this.ahead = steps.length;
  }

  get reached(): boolean {
    return this.ahead === 0;
  }

  /** Always: the simple protocol knows no steps. */
  override requiresPreparation(): boolean {
    return true;
  }

  override prepare(connection: Connection): void {
    const names = preparedOn.get(connection) ?? new Set();
    preparedOn.set(connection, names);
    const wire = connection as unknown as Wire;
    for (const { name, text, values } of this.steps) {
      if (!names.has(name)) {
        wire.parse({ name, text });
        names.add(name);
        this.prepared = true;
      }
      wire.bind({ statement: name, values });
      wire.execute(null);
    }
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.reached) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.reached) super.handleCommandComplete(message, connection);
    else this.ahead -= 1;
  }
}

import type { EntityManager, EntityTarget, ObjectLiteral, Repository } from 'typeorm';
import { DatabaseError } from 'pg';
import { Read, type Tx } from './handles.js';

/**
 * Rows of one parameterised statement. Only repositories call it. Values travel as parameters, never inside the
 * text. `name` makes it a prepared statement kept per connection: for hot statements.
 */
export async function query<Row extends object>(
  handle: Read,
  text: string,
  values: readonly unknown[] = [],
  name?: string,
): Promise<Row[]> {
  const result = await Read.queryable(handle).query<Row>({
    text,
    values: [...values],
    ...(name ? { name } : {}),
  });
  return result.rows;
}

/** The first row or null. */
export async function queryOne<Row extends object>(
  handle: Read,
  text: string,
  values: readonly unknown[] = [],
  name?: string,
): Promise<Row | null> {
  return (await query<Row>(handle, text, values, name))[0] ?? null;
}

/** Number of rows a statement touched: 0 means a guard did not hold. `name` as for `query`. */
export async function execute(
  handle: Read,
  text: string,
  values: readonly unknown[] = [],
  name?: string,
): Promise<number> {
  const statement = { text, values: [...values], ...(name ? { name } : {}) };
  return (await Read.queryable(handle).query(statement)).rowCount ?? 0;
}

/** The longest a timer can wait, 24 days. */
const NO_LIMIT_MS = 2 ** 31 - 1;

/**
 * The same without the time limit that statements have (`dataSourceOptions`), also for what follows in the
 * transaction: for rare work on whole tables, which would otherwise fail at every start.
 */
export async function executeUnlimited(
  tx: Tx,
  text: string,
  values: readonly unknown[] = [],
): Promise<number> {
  await execute(tx, `set local statement_timeout = 0`);
  const statement = { text, values: [...values], query_timeout: NO_LIMIT_MS };
  return (await Read.queryable(tx).query(statement)).rowCount ?? 0;
}

export function entities<T extends ObjectLiteral>(handle: Read, target: EntityTarget<T>): Repository<T> {
  const manager: EntityManager = Read.manager(handle);
  return manager.getRepository(target);
}

/** Name of the unique constraint or index that refused a write, or null when it failed for another reason. */
export function violatedUnique(error: unknown): string | null {
  // TypeORM wraps the driver's error and copies its fields; raw statements throw the driver's own.
  const cause = (error as { driverError?: unknown } | null)?.driverError ?? error;
  return cause instanceof DatabaseError && cause.code === '23505' ? (cause.constraint ?? '') : null;
}

/** Whether a row was refused because its owner has been erased (see the migration that creates erasures). */
export function refusesErasedOwner(error: unknown): boolean {
  const cause = (error as { driverError?: unknown } | null)?.driverError ?? error;
  return cause instanceof DatabaseError && cause.code === '23503' && cause.constraint === 'owner_erased';
}

/** Whether the server ended the statement in favour of others: deadlock, serialization, or a lock not had in time. */
export function yieldedToOthers(error: unknown): boolean {
  const cause = (error as { driverError?: unknown } | null)?.driverError ?? error;
  return cause instanceof DatabaseError && /^(40001|40P01|55P03)$/.test(cause.code ?? '');
}

/**
 * Whether the server was out of reach: connection class 08, shutdown 57P0x, refused or reset sockets, and the
 * driver's own words for a connection that broke or was not to be had, which carry no code.
 */
export function isUnreachable(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string')
    return /^(08\w{3}|57P0[123]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/.test(code);
  return (
    typeof message === 'string' &&
    /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)|not queryable/.test(
      message,
    )
  );
}

/** Whether the server refused the data itself (classes 22, 23 and 54): trying again cannot help. */
export function refusesData(error: unknown): boolean {
  return error instanceof DatabaseError && /^(22|23|54)/.test(error.code ?? '');
}

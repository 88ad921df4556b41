import type { QueryConfig, QueryResult } from 'pg';
import type { EntityManager } from 'typeorm';

/** Runs statements, one per call. */
export interface Queryable {
  query<Row extends object>(statement: QueryConfig): Promise<QueryResult<Row>>;
}

/**
 * The read scope a repository method is handed: one statement, outside a transaction.
 *
 * Opaque on purpose: only `kernel/database` looks inside, through `queryable` and `manager`. A repository
 * method that forgets its handle does not compile, so no statement can leave its transaction unnoticed.
 */
export class Read {
  readonly #queryable: Queryable;
  readonly #makeManager: (queryable: Queryable) => EntityManager;
  #manager: EntityManager | undefined;

  /** `makeManager` is asked once, by the first who works with entities. */
  constructor(queryable: Queryable, makeManager: (queryable: Queryable) => EntityManager) {
    this.#queryable = queryable;
    this.#makeManager = makeManager;
  }

  static queryable(handle: Read): Queryable {
    return handle.#queryable;
  }

  static manager(handle: Read): EntityManager {
    return (handle.#manager ??= handle.#makeManager(handle.#queryable));
  }
}

/** The write scope: one open transaction. Passing it on is how a caller's work joins it. */
export class Tx extends Read {
  readonly #callbacks: (() => void)[] = [];

  /** Runs after this transaction has committed, never when it rolled back. For wake-ups, which may be lost. */
  afterCommit(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  static committed(tx: Tx): readonly (() => void)[] {
    return tx.#callbacks;
  }
}

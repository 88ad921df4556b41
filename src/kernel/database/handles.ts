import type { EntityManager } from 'typeorm';
import type { Pool, PoolClient } from 'pg';

/**
 * The read scope a repository method is handed: one statement, outside a transaction.
 *
 * Opaque on purpose: only `kernel/database` looks inside, through `queryable` and `managerOf`. A repository
 * method that forgets its handle does not compile, so no statement can leave its transaction unnoticed.
 */
export class Read {
  readonly #queryable: Pool | PoolClient;
  readonly #manager: EntityManager;

  constructor(connection: Pool | PoolClient, manager: EntityManager) {
    this.#queryable = connection;
    this.#manager = manager;
  }

  static queryable(handle: Read): Pool | PoolClient {
    return handle.#queryable;
  }

  static manager(handle: Read): EntityManager {
    return handle.#manager;
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

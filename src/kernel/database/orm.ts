import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Queryable } from './handles.js';

/** What TypeORM's query runner for PostgreSQL keeps; its types hide it. */
interface RunnerInside {
  databaseConnection: { query(text: string, values?: unknown[]): Promise<unknown> };
  isTransactionActive: boolean;
  transactionDepth: number;
  startTransaction: () => Promise<void>;
}

/**
 * An entity manager whose statements go through `queryable`, so that entities are read and written in the same
 * transaction and on the same behalf as plain statements. It holds nothing that would have to be released.
 */
export function managerOn(
  dataSource: DataSource,
  queryable: Queryable,
  within: 'transaction' | 'single statements',
): EntityManager {
  const runner: QueryRunner = dataSource.createQueryRunner();
  const inside = runner as unknown as RunnerInside;
  inside.databaseConnection = {
    query: (text, values) => queryable.query({ text, ...(values ? { values } : {}) }),
  };
  if (within === 'transaction') {
    // The transaction is there already: `save` joins it, and one inside it becomes a savepoint.
    inside.isTransactionActive = true;
    inside.transactionDepth = 1;
  } else
    inside.startTransaction = () =>
      Promise.reject(new Error('a Read handle has no transaction: use Database.tx'));
  return runner.manager;
}

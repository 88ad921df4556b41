import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Pool, PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { Read, Tx } from './handles.js';

/**
 * The door to PostgreSQL. Services open scopes here and hand them to repositories.
 *
 * `tx` commits when the work resolves and rolls back when it throws; there is no ambient transaction, so work
 * that should join one is given its `Tx`. Never wait for the network or the queue inside it (flow A).
 */
@Injectable()
export class Database {
  /** For single statements that need no transaction. */
  readonly read: Read;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.read = new Read(poolOf(dataSource), dataSource.manager);
  }

  async tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const client: PoolClient = await runner.connect();
    let committed: readonly (() => void)[] = [];
    let result: T;
    try {
      await runner.startTransaction();
      const tx = new Tx(client, runner.manager);
      result = await work(tx);
      await runner.commitTransaction();
      committed = Tx.committed(tx);
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
    for (const callback of committed) callback();
    return result;
  }

  /** Round trip to the server, for health checks. Rejects when it is gone. */
  async ping(): Promise<void> {
    await Read.queryable(this.read).query('select 1');
  }
}

/** The `pg` pool under a TypeORM data source: its PostgreSQL driver calls it `master`. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Pool, PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { Read, Tx } from './handles.js';

/** Where statements are run on somebody's behalf. */
export interface DatabaseScope {
  /** For single statements that need no transaction. */
  readonly read: Read;
  /** Commits when the work resolves and rolls back when it throws. */
  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/**
 * The door to PostgreSQL. Services open scopes here and hand them to repositories. Rows that belong to somebody are
 * only seen on behalf of an actor (`as`) or in a named context of the system (`system`): without either, the
 * protected tables are empty.
 *
 * `tx` commits when the work resolves and rolls back when it throws; there is no ambient transaction, so work
 * that should join one is given its `Tx`. Never wait for the network or the queue inside it (flow A).
 */
@Injectable()
export class Database implements DatabaseScope {
  /** For single statements that need no transaction. */
  readonly read: Read;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.read = new Read(poolOf(dataSource), dataSource.manager);
  }

  /** On behalf of whoever asks: row-level security shows what this actor's user may see. */
  as(actor: Actor): DatabaseScope {
    return actor.type === 'system' ? this.system(actor.name) : this;
  }

  /** For work of Steward itself, such as dispatching; `name` says which, for whoever looks at the server. */
  system(_name: string): DatabaseScope {
    return this;
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

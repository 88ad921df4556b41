import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { SingleStatements, Transaction, reportWaits } from './connections.js';
import type { Step } from './flight.js';
import { Read, Tx } from './handles.js';
import { managerOn } from './orm.js';
import { actorContext, systemContext } from './row-context.js';

/** Where statements are run on somebody's behalf. */
export interface DatabaseScope {
  /** For single statements that need no transaction; several may run at the same time. */
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
  private readonly nobody: Scope;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.nobody = new Scope(dataSource, []);
  }

  /** On behalf of whoever asks: row-level security shows what this actor's user may see. */
  as(actor: Actor): DatabaseScope {
    return new Scope(this.dataSource, [actorContext(actor)]);
  }

  /** For work of Steward itself, such as dispatching. `name` says which; it must not be empty. */
  system(name: string): DatabaseScope {
    return new Scope(this.dataSource, [systemContext(name)]);
  }

  get read(): Read {
    return this.nobody.read;
  }

  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.nobody.tx(work);
  }

  /** Round trip to the server, for health checks. Rejects when it is gone. */
  async ping(): Promise<void> {
    await Read.queryable(this.read).query({ text: 'select 1' });
  }

  /** Connections of this process now; `waiting` counts those who want one. */
  connections(): { readonly used: number; readonly idle: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = poolOf(this.dataSource);
    return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  /** Tells `listener` how many seconds each wait for a connection took. */
  reportWaits(listener: (seconds: number) => void): void {
    reportWaits(poolOf(this.dataSource), listener);
  }
}

class Scope implements DatabaseScope {
  private known: Read | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly context: readonly Step[],
  ) {}

  // Made when asked for: the pool is there only once the data source is connected.
  get read(): Read {
    return (this.known ??= new Read(
      new SingleStatements(poolOf(this.dataSource), this.context),
      (queryable) => managerOn(this.dataSource, queryable, 'single statements'),
    ));
  }

  async tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const transaction = await Transaction.open(poolOf(this.dataSource), this.context);
    const tx = new Tx(transaction, (queryable) => managerOn(this.dataSource, queryable, 'transaction'));
    let result: T;
    try {
      result = await work(tx);
      await transaction.commit();
    } catch (error) {
      await transaction.rollback();
      throw error;
    } finally {
      transaction.close();
    }
    for (const callback of Tx.committed(tx)) callback();
    return result;
  }
}

/** The `pg` pool under a TypeORM data source: its PostgreSQL driver calls it `master`. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

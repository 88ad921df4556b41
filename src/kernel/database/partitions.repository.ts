import { Injectable } from '@nestjs/common';
import type { Tx } from './handles.js';
import { execute, query } from './sql.js';

@Injectable()
export class PartitionsRepository {
  /**
   * Makes the missing partitions of this month and the next three (rule 8) and answers their names. A new
   * partition locks its table: behind a long transaction it gives up after some seconds instead of holding up
   * everybody who comes after it.
   */
  async ensureMonths(tx: Tx): Promise<string[]> {
    await execute(tx, `set local lock_timeout = '5s'`);
    const rows = await query<{ name: string }>(tx, `select ensure_month_partitions() as name`);
    return rows.map(({ name }) => name);
  }
}

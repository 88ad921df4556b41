import type { Read } from './handles.js';
import { queryOne } from './sql.js';

/** What the database's clock says at this moment, also inside a transaction. */
export async function databaseNow(read: Read): Promise<Date> {
  const row = await queryOne<{ now: Date }>(read, `select clock_timestamp() as now`);
  return row!.now;
}

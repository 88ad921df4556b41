import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../database/index.js';

/** How far every one of the consumers ($1) has come; null where there is none. */
const HANDLED = `(select xid, seq from event_cursors where subscriber = any ($1::text[])
  order by event_cursors.xid, event_cursors.seq limit 1)`;
/** An event `e` that some consumer has yet to handle. */
const UNHANDLED = `coalesce((e.xid, e.seq) > ${HANDLED}, false)`;

type Range = readonly [from: string, below: string];

/** Events that are old enough to go. */
@Injectable()
export class EventRetentionRepository {
  /** How many events there are, or null while one of them has not been handled by all consumers. */
  async countHandled(read: Read, range: Range, consumers: readonly string[]): Promise<number | null> {
    const row = await queryOne<{ unhandled: boolean; rows: string }>(
      read,
      `select exists (select from events e where e.id >= $2 and e.id < $3 and ${UNHANDLED}) as unhandled,
              (select count(*) from events where id >= $2 and id < $3) as rows`,
      [consumers, ...range],
    );
    return row!.unhandled ? null : Number(row!.rows);
  }

  async countOld(read: Read, range: Range, before: Date, consumers: readonly string[]): Promise<number> {
    const row = await queryOne<{ rows: string }>(
      read,
      `select count(*) as rows from events e
        where e.id >= $2 and e.id < $3 and e.created_at < $4 and not ${UNHANDLED}`,
      [consumers, ...range, before],
    );
    return Number(row!.rows);
  }

  /** Looks at the next events of a range and removes the old ones. `last` is the last one looked at, null at the end. */
  async removeOld(
    tx: Tx,
    range: Range,
    before: Date,
    consumers: readonly string[],
    limit: number,
  ): Promise<{ removed: number; last: string | null }> {
    const rows = await query<{ id: string; old: boolean }>(
      tx,
      `select e.id, e.created_at < $4 and not ${UNHANDLED} as old from events e
        where e.id >= $2 and e.id < $3 order by e.id limit $5`,
      [consumers, ...range, before, limit],
    );
    // By their ids: a subquery in the place of the array would have every partition read from end to end.
    const old = rows.filter((row) => row.old).map(({ id }) => id);
    const removed = await execute(tx, `delete from events where id = any ($1::uuid[])`, [old]);
    return { removed, last: rows.length < limit ? null : rows.at(-1)!.id };
  }
}

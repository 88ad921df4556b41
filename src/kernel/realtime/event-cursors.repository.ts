import { Injectable } from '@nestjs/common';
import { execute, executeUnlimited, queryOne, type Read, type Tx } from '../database/index.js';
import type { Position } from './cursor.js';

const HORIZON = `pg_snapshot_xmin(pg_current_snapshot())`;
/** The first transaction id this snapshot does not know. */
const END = `pg_snapshot_xmax(pg_current_snapshot())`;

/** How far each durable consumer has read. */
@Injectable()
export class EventCursorsRepository {
  /** A consumer that is new starts at the horizon: it is told what is committed from now on. */
  async ensure(tx: Tx, consumer: string): Promise<void> {
    await execute(
      tx,
      `insert into event_cursors (subscriber, xid, seq) values ($1, ${HORIZON}, 0) on conflict do nothing`,
      [consumer],
    );
  }

  /**
   * Transaction ids mean nothing on another server: after a restored dump, events and places with ids this server
   * has not reached yet would never be delivered. They become those of this transaction, in their old order, and
   * every place stays between the same two events. Answers how many events were renumbered; none on their own
   * server, where a visible row always lies below the end of the snapshot.
   */
  async adoptForeign(tx: Tx): Promise<number> {
    const foreign = await queryOne(
      tx,
      `select from event_cursors where xid >= ${END} union all select from events where xid >= ${END} limit 1`,
    );
    if (!foreign) return 0;
    return executeUnlimited(
      tx,
      `with ranked as (
         select id, row_number() over (order by xid, seq) as rank from events where xid >= ${END}),
       places as (
         select c.subscriber,
                (select count(*) from events e where e.xid >= ${END} and (e.xid, e.seq) <= (c.xid, c.seq)) as rank
           from event_cursors c where c.xid >= ${END}),
       moved as (
         update event_cursors c set xid = pg_current_xact_id(), seq = p.rank from places p where p.subscriber = c.subscriber)
       update events e set xid = pg_current_xact_id(), seq = r.rank from ranked r where r.id = e.id`,
    );
  }

  /**
   * `ready`: there are events to handle. `held`: some are committed but not yet below the horizon. A plain read,
   * so that an idle consumer costs no transaction id.
   */
  async outlook(read: Read, consumer: string): Promise<{ ready: boolean; held: boolean }> {
    // Asked for the first one in order, because only then the planner walks the index from the cursor on; asked
    // whether any exists it reads the table, which under load was the dearest statement of all.
    const row = await queryOne<{ ready: boolean; held: boolean | null }>(
      read,
      `select coalesce((select e.xid < ${HORIZON} from events e where (e.xid, e.seq) > (c.xid, c.seq)
                         order by e.xid, e.seq limit 1), false) as ready,
              (select e.xid from events e order by e.xid desc, e.seq desc limit 1) >= ${HORIZON} as held
         from event_cursors c where subscriber = $1`,
      [consumer],
      'event_cursors_outlook',
    );
    return { ready: row?.ready ?? false, held: row?.held ?? false };
  }

  /** Locks the consumer's progress until the transaction ends; null while another process has it. */
  async claim(tx: Tx, consumer: string): Promise<Position | null> {
    const row = await queryOne<{ xid: string; seq: string }>(
      tx,
      `select xid::text, seq::text from event_cursors where subscriber = $1 for update skip locked`,
      [consumer],
    );
    return row && { xid: BigInt(row.xid), seq: BigInt(row.seq) };
  }

  async advance(tx: Tx, consumer: string, to: Position): Promise<void> {
    await execute(tx, `update event_cursors set xid = $2::xid8, seq = $3::bigint where subscriber = $1`, [
      consumer,
      String(to.xid),
      String(to.seq),
    ]);
  }
}

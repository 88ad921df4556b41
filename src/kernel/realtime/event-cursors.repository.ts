import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Read, type Tx } from '../database/index.js';
import type { Position } from './cursor.js';

const HORIZON = `pg_snapshot_xmin(pg_current_snapshot())`;

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
   * `ready`: there are events to handle. `held`: some are committed but not yet below the horizon. A plain read,
   * so that an idle consumer costs no transaction id.
   */
  async outlook(read: Read, consumer: string): Promise<{ ready: boolean; held: boolean }> {
    const row = await queryOne<{ ready: boolean; held: boolean }>(
      read,
      `select exists (select from events e where (e.xid, e.seq) > (c.xid, c.seq) and e.xid < ${HORIZON}) as ready,
              exists (select from events e where e.xid >= ${HORIZON}) as held
         from event_cursors c where subscriber = $1`,
      [consumer],
    );
    return row ?? { ready: false, held: false };
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

import { Injectable } from '@nestjs/common';
import { execute, newId, query, queryOne, type Read, type Tx } from '../database/index.js';
import { formatCursor, type Position } from './cursor.js';
import type { NewEvent, StoredEvent } from './event.js';
import type { EventConsumer } from './event-consumer.js';

/** Which events a reader wants; an absent member means any. */
export interface EventFilter {
  readonly channels?: readonly string[] | undefined;
  /** Only this user's events; absent: everybody's and the system's. */
  readonly userId?: string | undefined;
  readonly subjectId?: string | undefined;
}

interface EventRow {
  xid: string;
  seq: string;
  id: string;
  type: string;
  channel: string;
  user_id: string | null;
  subject_id: string | null;
  data: Record<string, unknown>;
  created_at: Date;
}

/** A transaction below this has ended, so nothing can be committed behind a cursor that stays below it. */
const HORIZON = `pg_snapshot_xmin(pg_current_snapshot())`;
const COLUMNS = `xid::text, seq::text, id, type, channel, user_id, subject_id, data, created_at`;

/**
 * The table of events. `order by` names the table: plain `xid` would mean the text of the output, and "10" comes
 * before "9". Every read is ordered by (xid, seq) and ends at the horizon: rows of transactions that
 * began before one still running stay unseen, because that one could otherwise commit behind the reader's cursor
 * and be missed for ever.
 */
@Injectable()
export class EventsRepository {
  async append(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    await execute(
      tx,
      `insert into events (id, type, channel, user_id, subject_id, data)
       select id, type, channel, user_id, subject_id, data::jsonb
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[])
              with ordinality as one (id, type, channel, user_id, subject_id, data, place)
        order by place`,
      [
        events.map(() => newId()),
        events.map((event) => event.type),
        events.map((event) => event.channel),
        events.map((event) => event.userId),
        events.map((event) => event.subjectId),
        events.map((event) => storableJson(event.data)),
      ],
      'events_append',
    );
  }

  /** Reads the whole table: erasures are rare, and an index would be paid for by every event. */
  async removeOf(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from events where user_id = $1`, [userId]);
  }

  /** The next events behind `after`, at most `limit`. */
  async read(read: Read, after: Position, limit: number, filter: EventFilter = {}): Promise<StoredEvent[]> {
    const rows = await query<EventRow>(
      read,
      `select ${COLUMNS} from events
        where (xid, seq) > ($1::xid8, $2::bigint) and xid < ${HORIZON}
          and ($3::text[] is null or channel = any ($3)) and ($4::uuid is null or user_id = $4)
          and ($5::uuid is null or subject_id = $5)
        order by events.xid, events.seq limit $6`,
      [
        String(after.xid),
        String(after.seq),
        filter.channels ?? null,
        filter.userId ?? null,
        filter.subjectId ?? null,
        limit,
      ],
    );
    return rows.map(toStoredEvent);
  }

  /**
   * Of the next `limit` events behind `after` those that the consumer wants. `end` is the place of the last one of
   * all, null when there is none; `full`: there were as many as that.
   */
  async readFor(
    read: Read,
    consumer: Pick<EventConsumer, 'types' | 'hearsQuiet' | 'onlyWith'>,
    after: Position,
    limit: number,
  ): Promise<{ events: StoredEvent[]; end: Position | null; full: boolean }> {
    const rows = await query<EventRow & { wanted: boolean; scanned: number }>(
      read,
      `with page as materialized (
         select * from events where (xid, seq) > ($1::xid8, $2::bigint) and xid < ${HORIZON}
          order by events.xid, events.seq limit $3),
       final as (select xid, seq, count(*) over () as scanned from page order by page.xid desc, page.seq desc limit 1),
       marked as (
         select page.*, final.scanned::integer, (page.xid, page.seq) = (final.xid, final.seq) as is_final,
                type = any ($4) and ($5 or not data ? 'quiet') and ($6::text is null or data->>$6 is not null) as wanted
           from page, final)
       select ${COLUMNS}, wanted, scanned from marked where wanted or is_final order by marked.xid, marked.seq`,
      [String(after.xid), String(after.seq), limit, consumer.types, consumer.hearsQuiet, consumer.onlyWith],
      'events_read_for',
    );
    const last = rows.at(-1);
    return {
      events: rows.filter(({ wanted }) => wanted).map(toStoredEvent),
      end: last ? { xid: BigInt(last.xid), seq: BigInt(last.seq) } : null,
      full: last?.scanned === limit,
    };
  }

  /** Null when there is none (any more). */
  async find(read: Read, id: string): Promise<StoredEvent | null> {
    const row = await queryOne<EventRow>(read, `select ${COLUMNS} from events where id = $1`, [id]);
    return row && toStoredEvent(row);
  }

  /** Everything below is settled: a reader that starts here sees each event committed from now on. */
  async horizon(read: Read): Promise<Position> {
    const row = await queryOne<{ xid: string }>(read, `select ${HORIZON}::text as xid`);
    return { xid: BigInt(row!.xid), seq: 0n };
  }

  /** Whether committed events lie beyond the horizon, held back by an older transaction that is still running. */
  async hasHeldBack(read: Read): Promise<boolean> {
    const row = await queryOne<{ held: boolean }>(
      read,
      `select xid >= ${HORIZON} as held from events order by events.xid desc, events.seq desc limit 1`,
    );
    return row?.held ?? false;
  }

  /**
   * Whether a reader at `after` finds everything that came behind it: `kept`. `dropped`: older than the oldest
   * event that is left. `ahead`: no transaction of this database has come that far, so it is from elsewhere.
   */
  async reach(read: Read, after: Position): Promise<'kept' | 'dropped' | 'ahead'> {
    const row = await queryOne<{ ahead: boolean; kept: boolean | null }>(
      read,
      `select $1::xid8 > pg_snapshot_xmax(pg_current_snapshot()) as ahead,
              ($1::xid8, $2::bigint) >= (select xid, seq from events order by xid, seq limit 1) as kept`,
      [String(after.xid), String(after.seq)],
    );
    if (row!.ahead) return 'ahead';
    return row!.kept ? 'kept' : 'dropped';
  }
}

function toStoredEvent(row: EventRow): StoredEvent {
  return {
    cursor: formatCursor({ xid: BigInt(row.xid), seq: BigInt(row.seq) }),
    id: row.id,
    type: row.type,
    channel: row.channel,
    userId: row.user_id,
    subjectId: row.subject_id,
    data: row.data,
    createdAt: row.created_at.toISOString(),
  };
}

/**
 * JSON that `jsonb` accepts: U+0000 and lone surrogates, which it refuses, become U+FFFD. An error text of some
 * program must never be the reason that the transaction which ends its job cannot commit.
 */
function storableJson(data: object): string {
  return JSON.stringify(data, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '\ufffd').toWellFormed() : value,
  );
}

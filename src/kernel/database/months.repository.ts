import { Injectable } from '@nestjs/common';
import type { Read, Tx } from './handles.js';
import { query, queryOne } from './sql.js';

/** Tables that lose old rows (the audit trail does not). */
export type RetainedTable = 'jobs' | 'job_logs' | 'events';

/** A partition by month, or the ids that belong to none. */
export interface Month {
  /** `2026-07`; `other` for ids of no month, which are in the default partition. */
  readonly name: string;
  /** The month as ranges of ids, from the first to below the second. */
  readonly ranges: readonly (readonly [from: string, below: string])[];
  /** When it is over; null for `other`. */
  readonly until: Date | null;
  /** Its rows can be removed but neither added nor changed: it is about to be dropped. */
  readonly closed: boolean;
}

/** A moment, and the smallest id of it. */
export interface Age {
  readonly at: Date;
  readonly id: string;
}

/** The part of a month before a moment; all of `other`, whose ids are in no order of time. */
export function older({ ranges, until }: Month, { id }: Age): Month['ranges'] {
  if (until === null) return ranges;
  return ranges
    .map(([from, below]) => [from, below < id ? below : id] as const)
    .filter(([from, below]) => from < below);
}

const SMALLEST = '00000000-0000-0000-0000-000000000000';
const LARGEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const OTHER = 'other';

interface MonthRow {
  readonly name: string;
  readonly from: string;
  readonly below: string;
  readonly until: Date;
  readonly closed: boolean;
}

/** The monthly partitions as they are. Whatever changes them gives up (SQLSTATE 55P03) rather than wait long. */
@Injectable()
export class MonthsRepository {
  /** `days` before now, on the database's clock. */
  async daysAgo(read: Read, days: number): Promise<Age> {
    const row = await queryOne<Age>(
      read,
      `select at, uuid_v7_floor(at) as id from (select now() - make_interval(days => $1) as at) one`,
      [days],
    );
    return row!;
  }

  /** Oldest first; `other` last. */
  async list(read: Read, table: RetainedTable | 'audit_logs'): Promise<Month[]> {
    const rows = await query<MonthRow>(
      read,
      `select to_char(month, 'YYYY-MM') as name, uuid_v7_floor(month at time zone 'UTC') as from,
              uuid_v7_floor((month + interval '1 month') at time zone 'UTC') as below,
              (month + interval '1 month') at time zone 'UTC' as until, closed
         from (select to_date(right(c.relname, 7), 'YYYY_MM')::timestamp as month,
                      exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'closed') as closed
                 from pg_inherits i join pg_class c on c.oid = i.inhrelid
                where i.inhparent = to_regclass($1) and c.relname ~ ('^' || $1 || '_\\d{4}_\\d{2}$')) months
        order by month`,
      [table],
    );
    const months = rows.map(({ name, from, below, ...rest }): Month => ({
      name,
      ranges: [[from, below]],
      ...rest,
    }));
    const edges = [SMALLEST, ...rows.flatMap(({ from, below }) => [from, below]), LARGEST];
    const gaps = Array.from({ length: edges.length / 2 }, (_, index) =>
      edges.slice(index * 2, index * 2 + 2),
    );
    const ranges = gaps
      .filter(([from, below]) => from !== below)
      .map(([from, below]) => [from!, below!] as const);
    return [...months, { name: OTHER, ranges, until: null, closed: false }];
  }

  /** From then on rows of the month can be removed but neither added nor changed. False while a job of it is open. */
  async close(tx: Tx, month: Month): Promise<boolean> {
    const row = await queryOne<{ done: boolean }>(tx, `select close_month($1::date) as done`, [
      firstDay(month),
    ]);
    return row!.done;
  }

  async reopen(tx: Tx, month: Month): Promise<void> {
    await query(tx, `select reopen_month($1::date)`, [firstDay(month)]);
  }

  /** Drops the partition with all that is in it. False when it is gone already. */
  async drop(tx: Tx, table: RetainedTable, month: Month): Promise<boolean> {
    const row = await queryOne<{ done: boolean }>(tx, `select drop_month($1, $2::date) as done`, [
      table,
      firstDay(month),
    ]);
    return row!.done;
  }

  /** Tables with rows that belong to no month: retention looks after them row by row, and they keep months from being made. */
  async withStrays(read: Read): Promise<string[]> {
    const found: string[] = [];
    for (const table of ['audit_logs', 'events', 'job_logs', 'jobs'] as const) {
      const other = (await this.list(read, table)).at(-1)!;
      for (const [from, below] of other.ranges) {
        const row = await queryOne(read, `select from ${table} where id >= $1 and id < $2 limit 1`, [
          from,
          below,
        ]);
        if (!row) continue;
        found.push(table);
        break;
      }
    }
    return found;
  }
}

const firstDay = ({ name }: Month): string => `${name}-01`;

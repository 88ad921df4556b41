import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';

export const ARCHIVE_KINDS = ['jobs', 'job-logs'] as const;
export type ArchiveKind = (typeof ARCHIVE_KINDS)[number];

/** One file of old rows. */
export interface Archive {
  readonly id: string;
  readonly kind: ArchiveKind;
  /** The month the rows are of, `2026-07`; `other` for rows of no month. */
  readonly period: string;
  /** 1, 2 …: a month may be archived in parts. */
  readonly part: number;
  /** Where it is in the store. */
  readonly key: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of the file, in hex. */
  readonly sha256: string;
  /** Jobs that ended, and lines that were written, before this are in it. */
  readonly endedBefore: Date;
  /** When its rows were gone from the table; null while that is still to be done. */
  readonly removedAt: Date | null;
  readonly createdAt: Date;
}

const COLUMNS = `id, kind, period, part, key, rows::float8, bytes::float8, sha256, ended_before as "endedBefore",
  removed_at as "removedAt", created_at as "createdAt"`;

/** What a file is when it was written anew. */
export type ArchiveFile = Pick<Archive, 'key' | 'rows' | 'bytes' | 'sha256'>;

@Injectable()
export class ArchivesRepository {
  async list(read: Read): Promise<Archive[]> {
    return query<Archive>(read, `select ${COLUMNS} from archives order by kind, period, part`);
  }

  async find(read: Read, id: string): Promise<Archive | null> {
    return queryOne<Archive>(read, `select ${COLUMNS} from archives where id = $1`, [id]);
  }

  /** Archives whose rows have not been removed yet, oldest first. */
  async unfinished(read: Read, kind: ArchiveKind, period: string): Promise<Archive[]> {
    return query<Archive>(
      read,
      `select ${COLUMNS} from archives where kind = $1 and period = $2 and removed_at is null order by part`,
      [kind, period],
    );
  }

  async nextPart(read: Read, kind: ArchiveKind, period: string): Promise<number> {
    const row = await queryOne<{ part: number }>(
      read,
      `select coalesce(max(part), 0) + 1 as part from archives where kind = $1 and period = $2`,
      [kind, period],
    );
    return row!.part;
  }

  /** Refused (23505) when somebody else has archived this part meanwhile, and (23503) when one of the people is erased. */
  async add(
    tx: Tx,
    archive: Omit<Archive, 'removedAt' | 'createdAt'>,
    people: readonly string[],
  ): Promise<void> {
    await execute(
      tx,
      `insert into archives (id, kind, period, part, key, rows, bytes, sha256, ended_before)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        archive.id,
        archive.kind,
        archive.period,
        archive.part,
        archive.key,
        archive.rows,
        archive.bytes,
        archive.sha256,
        archive.endedBefore,
      ],
    );
    await execute(
      tx,
      `insert into archive_people (user_id, archive_id) select person, $2 from unnest($1::uuid[]) as person order by person`,
      [people, archive.id],
    );
  }

  async markRemoved(tx: Tx, id: string): Promise<void> {
    await execute(tx, `update archives set removed_at = now() where id = $1 and removed_at is null`, [id]);
  }

  async ofPerson(read: Read, userId: string): Promise<Archive[]> {
    return query<Archive>(
      read,
      `select ${COLUMNS} from archives
        where id in (select archive_id from archive_people where user_id = $1) order by kind, period, part`,
      [userId],
    );
  }

  /** Forgets in which archives the person is; answers whether there were any. These have to be written anew. */
  async leave(tx: Tx, userId: string): Promise<boolean> {
    const left = await execute(
      tx,
      `with gone as (delete from archive_people where user_id = $1 returning archive_id)
       update archives set rewrites_due = rewrites_due + 1 where id in (select archive_id from gone)`,
      [userId],
    );
    return left > 0;
  }

  /** Archives that somebody erased was in, with how often that was asked for. */
  async dueForRewriting(read: Read): Promise<(Archive & { readonly asked: number })[]> {
    return query(
      read,
      `select ${COLUMNS}, rewrites_due as asked from archives where rewrites_due > 0 order by id`,
    );
  }

  async erasedAmong(read: Read, people: readonly string[]): Promise<string[]> {
    const rows = await query<{ id: string }>(
      read,
      `select id from users where id = any ($1::uuid[]) and deleted_at is not null`,
      [people],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Puts another file in the place of `old`, which answers for what was asked before it was read; whoever was erased
   * since asks again. False when somebody else has been faster.
   */
  async replaceFile(tx: Tx, id: string, old: string, file: ArchiveFile, asked: number): Promise<boolean> {
    const changed = await execute(
      tx,
      `update archives set key = $3, rows = $4, bytes = $5, sha256 = $6, rewrites_due = greatest(rewrites_due - $7, 0)
        where id = $1 and key = $2`,
      [id, old, file.key, file.rows, file.bytes, file.sha256, asked],
    );
    return changed === 1;
  }

  /** Which of the keys no archive has. */
  async unknownKeys(read: Read, keys: readonly string[]): Promise<string[]> {
    const rows = await query<{ key: string }>(
      read,
      `select key from unnest($1::text[]) as one(key) where not exists (select from archives a where a.key = one.key)`,
      [keys],
    );
    return rows.map(({ key }) => key);
  }

  /** A day ago on the database's clock. */
  async yesterday(read: Read): Promise<Date> {
    const row = await queryOne<{ at: Date }>(read, `select now() - interval '1 day' as at`);
    return row!.at;
  }
}

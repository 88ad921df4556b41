import { Injectable } from '@nestjs/common';
import { In, LessThan } from 'typeorm';
import {
  entities,
  execute,
  query,
  queryOne,
  type PageRequest,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import { RemoteEntity } from './remote.entity.js';
import type { RemoteStatus } from './remotes.schema.js';

type Configured = Pick<RemoteEntity, 'name' | 'nameKey' | 'root' | 'options' | 'secrets' | 'secretNames'>;
export type NewRemoteRow = Pick<RemoteEntity, 'id' | 'ownerId' | 'type'> & Configured;
export type RemoteRowChanges = Partial<Configured & Pick<RemoteEntity, 'secretsVersion'>>;

export interface Checked {
  readonly status: RemoteStatus;
  readonly detail: string | null;
}

@Injectable()
export class RemotesRepository {
  async insert(tx: Tx, row: NewRemoteRow): Promise<void> {
    await entities(tx, RemoteEntity).insert(row);
  }

  async find(read: Read, id: string): Promise<RemoteEntity | null> {
    return entities(read, RemoteEntity).findOneBy({ id });
  }

  /** Waits for others who change this remote, and keeps them waiting until the transaction ends. */
  async findForUpdate(tx: Tx, id: string): Promise<RemoteEntity | null> {
    return entities(tx, RemoteEntity).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  }

  async findMany(read: Read, ids: readonly string[]): Promise<RemoteEntity[]> {
    return entities(read, RemoteEntity).findBy({ id: In([...ids]) });
  }

  async sealedOf(read: Read, ids: readonly string[]): Promise<Map<string, Buffer | null>> {
    const rows = await query<{ id: string; secrets: Buffer | null }>(
      read,
      `select id, secrets from remotes where id = any ($1::uuid[])`,
      [ids],
    );
    return new Map(rows.map(({ id, secrets }) => [id, secrets]));
  }

  async findByNameKey(read: Read, nameKey: string): Promise<RemoteEntity | null> {
    return entities(read, RemoteEntity).findOneBy({ nameKey });
  }

  /** Newest first, one row more than the limit; with `usedBy` those this user owns or has some right on. */
  async page(read: Read, filter: PageRequest & { usedBy?: string | undefined }): Promise<RemoteEntity[]> {
    const builder = entities(read, RemoteEntity)
      .createQueryBuilder('remote')
      .orderBy('remote.id', 'DESC')
      .limit(filter.limit + 1);
    if (filter.cursor !== undefined) builder.andWhere({ id: LessThan(filter.cursor) });
    if (filter.usedBy !== undefined)
      builder.andWhere(
        `(remote.owner_id = :usedBy or remote.id in (
           select remote_id from remote_permissions where user_id = :usedBy and is_active and permissions <> '{}'))`,
        { usedBy: filter.usedBy },
      );
    return builder.getMany();
  }

  /** An edit by a person: it makes a new version. */
  async update(tx: Tx, id: string, changes: RemoteRowChanges): Promise<void> {
    await entities(tx, RemoteEntity).update({ id }, { ...changes, version: () => 'version + 1' });
  }

  /**
   * Stores what a check of this version has found and answers the status before it. Null when the remote was
   * edited or deleted meanwhile: then what was found is true of another place.
   */
  async recordCheck(tx: Tx, id: string, version: number, checked: Checked): Promise<RemoteStatus | null> {
    const row = await queryOne<{ before: RemoteStatus }>(
      tx,
      `with before as (select id, status from remotes where id = $1 and version = $2 for update)
       update remotes set status = $3, status_detail = $4, last_checked_at = clock_timestamp(), check_claimed_at = null
         from before where remotes.id = before.id
       returning before.status as before`,
      [id, version, checked.status, checked.detail],
    );
    return row?.before ?? null;
  }

  async delete(tx: Tx, id: string): Promise<void> {
    await execute(tx, `delete from remotes where id = $1`, [id]);
  }
}

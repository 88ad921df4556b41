import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { UserRole } from '../../../kernel/auth/index.js';
import { entities, execute, query, type Read, type Tx } from '../../../kernel/database/index.js';
import type { PartBody } from '../remotes.schema.js';
import { RemotePartEntity } from './remote-part.entity.js';

/** The key of the lock under which what remotes are made of is changed. */
const COMPOSITION_LOCK = 7410030;

export interface PartOwner {
  readonly id: string;
  readonly role: UserRole;
  readonly isActive: boolean;
}

@Injectable()
export class RemotePartsRepository {
  /** In their order. */
  async of(read: Read, remoteIds: readonly string[]): Promise<RemotePartEntity[]> {
    if (remoteIds.length === 0) return [];
    return entities(read, RemotePartEntity).find({
      where: { remoteId: In([...remoteIds]) },
      order: { remoteId: 'ASC', position: 'ASC' },
    });
  }

  async replace(tx: Tx, remoteId: string, parts: readonly PartBody[]): Promise<void> {
    await execute(tx, `delete from remote_parts where remote_id = $1`, [remoteId]);
    if (parts.length === 0) return;
    await entities(tx, RemotePartEntity).insert(
      parts.map(({ remoteId: partId, path, name, readOnly }, position) => ({
        remoteId,
        position,
        partId,
        path,
        name: name ?? null,
        readOnly: readOnly ?? false,
      })),
    );
  }

  /** One change at a time until the transaction ends: two that know nothing of each other could make a circle. */
  async lockComposition(tx: Tx): Promise<void> {
    await execute(tx, `select pg_advisory_xact_lock($1)`, [COMPOSITION_LOCK]);
  }

  /** Remotes that have this one as a part. */
  async usersOf(read: Read, partId: string): Promise<{ id: string; name: string; ownerId: string }[]> {
    return query(
      read,
      `select distinct r.id, r.name, r.owner_id as "ownerId" from remote_parts p join remotes r on r.id = p.remote_id
        where p.part_id = $1 order by r.id limit 20`,
      [partId],
    );
  }

  /** This remote and those it is a part of, however deep; ends in circles, too. */
  async wholesOf(read: Read, id: string): Promise<string[]> {
    const rows = await query<{ id: string }>(
      read,
      `with recursive wholes (id) as (
         select $1::uuid union select p.remote_id from wholes w join remote_parts p on p.part_id = w.id)
       select id from wholes`,
      [id],
    );
    return rows.map((row) => row.id);
  }

  async owners(read: Read, ids: readonly string[]): Promise<PartOwner[]> {
    return query(
      read,
      `select id, role, is_active and deleted_at is null as "isActive" from users where id = any ($1::uuid[])`,
      [ids],
    );
  }
}

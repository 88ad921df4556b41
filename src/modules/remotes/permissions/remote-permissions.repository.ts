import { Injectable } from '@nestjs/common';
import { In, LessThan, MoreThan } from 'typeorm';
import {
  entities,
  execute,
  queryOne,
  type PageRequest,
  type Read,
  type Tx,
} from '../../../kernel/database/index.js';
import type { RemoteType } from '../types/remote-types.js';
import type { PathRule, Right } from './path-rules.js';
import { RemotePermissionEntity } from './remote-permission.entity.js';

/** What decides what a user may do on a remote. */
export interface StandingRow {
  readonly ownerId: string;
  readonly type: RemoteType;
  /** The types of what an alias, crypt, union or combine is made of, at any depth. */
  readonly madeOf: RemoteType[];
  /** Null without an active row. */
  readonly permissions: Right[] | null;
  readonly pathRules: PathRule[] | null;
}

export type NewPermissionRow = Pick<
  RemotePermissionEntity,
  'id' | 'userId' | 'remoteId' | 'permissions' | 'pathRules' | 'isActive' | 'createdBy'
>;
export type PermissionChanges = Pick<RemotePermissionEntity, 'permissions' | 'pathRules' | 'isActive'>;

/** What a remote is made of is looked up for the few types that are made of others. */
const STANDING = `
  select r.owner_id as "ownerId", r.type, p.permissions, p.path_rules as "pathRules",
         case when r.type not in ('alias', 'crypt', 'union', 'combine') then '{}' else array(
           with recursive made(id) as (
             select part_id from remote_parts where remote_id = r.id
             union select deeper.part_id from made join remote_parts deeper on deeper.remote_id = made.id)
           select distinct part.type from made join remotes part on part.id = made.id) end as "madeOf"
    from remotes r
    left join remote_permissions p on p.remote_id = r.id and p.user_id = $2 and p.is_active
   where r.id = $1`;

@Injectable()
export class RemotePermissionsRepository {
  /** Null when there is no such remote. Read before every use of a remote: a prepared statement. */
  async standing(read: Read, remoteId: string, userId: string | null): Promise<StandingRow | null> {
    return queryOne<StandingRow>(read, STANDING, [remoteId, userId], 'remote_standing');
  }

  /** The active rows a user has for these remotes. */
  async activeOf(
    read: Read,
    userId: string,
    remoteIds: readonly string[],
  ): Promise<RemotePermissionEntity[]> {
    return entities(read, RemotePermissionEntity).findBy({
      userId,
      remoteId: In([...remoteIds]),
      isActive: true,
    });
  }

  /**
   * Answers the remote's owner and keeps everybody else from changing who may use it until the transaction ends; null
   * when it is not there.
   */
  async lockRemote(tx: Tx, remoteId: string): Promise<string | null> {
    const row = await queryOne<{ ownerId: string }>(
      tx,
      `select owner_id as "ownerId" from remotes where id = $1 for no key update`,
      [remoteId],
    );
    return row?.ownerId ?? null;
  }

  async find(read: Read, remoteId: string, userId: string): Promise<RemotePermissionEntity | null> {
    return entities(read, RemotePermissionEntity).findOneBy({ remoteId, userId });
  }

  /**
   * Newest first, one row more than the limit; with `path` those that have a rule for exactly this glob (S1-45), which
   * is what has to be looked through before a folder is moved.
   */
  async page(
    read: Read,
    remoteId: string,
    { cursor, path, limit }: PageRequest & { readonly path?: string | undefined },
  ): Promise<RemotePermissionEntity[]> {
    const builder = entities(read, RemotePermissionEntity)
      .createQueryBuilder('permission')
      .where({ remoteId })
      .orderBy('permission.id', 'DESC')
      .limit(limit + 1);
    if (cursor !== undefined) builder.andWhere({ id: LessThan(cursor) });
    if (path !== undefined)
      builder.andWhere('permission.path_rules @> cast(:rule as jsonb)', { rule: JSON.stringify([{ path }]) });
    return builder.getMany();
  }

  async insert(tx: Tx, row: NewPermissionRow): Promise<void> {
    await entities(tx, RemotePermissionEntity).insert(row);
  }

  /** Makes a new version. */
  async update(tx: Tx, id: string, changes: PermissionChanges): Promise<void> {
    await entities(tx, RemotePermissionEntity).update({ id }, { ...changes, version: () => 'version + 1' });
  }

  async delete(tx: Tx, id: string): Promise<void> {
    await execute(tx, `delete from remote_permissions where id = $1`, [id]);
  }

  /** Everything a user has been given, in the order of the ids. */
  async after(read: Read, userId: string, after: string, limit: number): Promise<RemotePermissionEntity[]> {
    return entities(read, RemotePermissionEntity).find({
      where: { userId, id: MoreThan(after) },
      order: { id: 'ASC' },
      take: limit,
    });
  }

  /** What the user was given goes; of what the user has given to others it is forgotten who gave it. */
  async removeAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from remote_permissions where user_id = $1`, [userId]);
    await execute(tx, `update remote_permissions set created_by = null where created_by = $1`, [userId]);
  }
}

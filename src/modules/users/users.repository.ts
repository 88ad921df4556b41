import { Injectable } from '@nestjs/common';
import { IsNull, type QueryDeepPartialEntity } from 'typeorm';
import type { UserRole } from '../../kernel/auth/index.js';
import { entities, execute, query, queryOne, type Read, type Tx } from '../../kernel/database/index.js';
import { UserEntity } from './user.entity.js';
import type { UserPlace, UserSort } from './users.cursor.js';

export type NewUserRow = Pick<
  UserEntity,
  | 'id'
  | 'email'
  | 'emailKey'
  | 'username'
  | 'usernameKey'
  | 'passwordHash'
  | 'fullName'
  | 'role'
  | 'isActive'
  | 'isVerified'
  | 'metadata'
>;
export type UserRowChanges = Partial<Omit<NewUserRow, 'id' | 'passwordHash'>>;

export interface UserFilter {
  readonly limit: number;
  readonly sort: UserSort;
  /** Only users after this place. */
  readonly after?: UserPlace | undefined;
  readonly role?: UserRole | undefined;
  readonly isActive?: boolean | undefined;
  readonly isVerified?: boolean | undefined;
  readonly hasTasks?: boolean | undefined;
  readonly q?: string | undefined;
}

const ORDER: Readonly<Record<UserSort, readonly (readonly [string, 'ASC' | 'DESC'])[]>> = {
  '-createdAt': [['u.id', 'DESC']],
  '-taskCount': [
    ['u.taskCount', 'DESC'],
    ['u.id', 'DESC'],
  ],
  email: [['u.emailKey', 'ASC']],
};
const AFTER: Readonly<Record<UserSort, string>> = {
  '-createdAt': 'u.id < :id',
  '-taskCount': '(u.taskCount, u.id) < (:taskCount, :id)',
  email: 'u.emailKey > :emailKey',
};

/** Held while the first user of an empty database is made. */
const FIRST_USER_LOCK = 7_410_003;

/** What a user may do now. */
export interface Rights {
  readonly id: string;
  readonly role: UserRole;
  readonly isActive: boolean;
}

/** Rows of `users`. Tombstones of erased people are never among the results. */
@Injectable()
export class UsersRepository {
  async find(read: Read, id: string): Promise<UserEntity | null> {
    return entities(read, UserEntity).findOneBy({ id, deletedAt: IsNull() });
  }

  /** Waits for others who change this user, and keeps them waiting until the transaction ends. */
  async findForUpdate(tx: Tx, id: string): Promise<UserEntity | null> {
    return entities(tx, UserEntity).findOne({
      where: { id, deletedAt: IsNull() },
      lock: { mode: 'pessimistic_write' },
    });
  }

  async findByKey(read: Read, kind: 'email' | 'username', key: string): Promise<UserEntity | null> {
    const where = kind === 'email' ? { emailKey: key } : { usernameKey: key };
    return entities(read, UserEntity).findOneBy({ ...where, deletedAt: IsNull() });
  }

  /**
   * One more than the limit, so that the caller knows whether there is another page. Each order goes along an index
   * from the place where the last page ended. A user whose tasks change meanwhile may move to another page.
   */
  async page(read: Read, filter: UserFilter): Promise<UserEntity[]> {
    const { role, isActive, isVerified, hasTasks, q, sort, after } = filter;
    const list = entities(read, UserEntity).createQueryBuilder('u').where('u.deletedAt is null');
    if (role !== undefined) list.andWhere('u.role = :role', { role });
    if (isActive !== undefined) list.andWhere('u.isActive = :isActive', { isActive });
    if (isVerified !== undefined) list.andWhere('u.isVerified = :isVerified', { isVerified });
    if (hasTasks !== undefined) list.andWhere(hasTasks ? 'u.taskCount > 0' : 'u.taskCount = 0');
    if (q !== undefined)
      list.andWhere('(u.email ilike :part or u.username ilike :part or u.fullName ilike :part)', {
        part: `%${q.replaceAll(/[\\%_]/g, '\\$&')}%`,
      });
    if (after) list.andWhere(AFTER[sort], after);
    for (const [column, direction] of ORDER[sort]) list.addOrderBy(column, direction);
    return list.limit(filter.limit + 1).getMany();
  }

  async insert(tx: Tx, row: NewUserRow): Promise<void> {
    await entities(tx, UserEntity).insert(columns(row));
  }

  /** Counts as a change of the version. */
  async update(tx: Tx, id: string, changes: UserRowChanges): Promise<void> {
    const values = { ...columns(changes), version: () => 'version + 1' };
    await entities(tx, UserEntity).update({ id, deletedAt: IsNull() }, values);
  }

  /** False when there is no such user. */
  async setPasswordHash(tx: Tx, id: string, passwordHash: string): Promise<boolean> {
    const touched = await execute(
      tx,
      `update users set password_hash = $2 where id = $1 and deleted_at is null`,
      [id, passwordHash],
    );
    return touched === 1;
  }

  /**
   * Compare and swap: puts `next` (or the same again) where the hash is still `known`, and keeps others from changing
   * it until the transaction ends. False when it is another by now.
   */
  async swapPasswordHash(tx: Tx, id: string, known: string, next: string | null): Promise<boolean> {
    const touched =
      next === null
        ? await execute(tx, `select 1 from users where id = $1 and password_hash = $2 for no key update`, [
            id,
            known,
          ])
        : await execute(tx, `update users set password_hash = $3 where id = $1 and password_hash = $2`, [
            id,
            known,
            next,
          ]);
    return touched === 1;
  }

  /** False when the user has been deactivated or erased meanwhile. */
  async stampLogin(tx: Tx, id: string): Promise<boolean> {
    const touched = await execute(
      tx,
      `update users set last_login_at = now() where id = $1 and is_active and deleted_at is null`,
      [id],
    );
    return touched === 1;
  }

  async rights(read: Read, ids: readonly string[]): Promise<Rights[]> {
    return query<Rights>(
      read,
      `select id, role, is_active as "isActive" from users where id = any($1::uuid[]) and deleted_at is null`,
      [ids],
      'user_rights',
    );
  }

  /** Ids of those who can administer; nobody of them changes until the transaction ends. What they own may. */
  async lockActiveAdmins(tx: Tx): Promise<string[]> {
    const rows = await query<{ id: string }>(
      tx,
      `select id from users where role = 'admin' and is_active and deleted_at is null order by id for no key update`,
    );
    return rows.map((row) => row.id);
  }

  /** Ids of those who can administer now. */
  async activeAdmins(read: Read): Promise<string[]> {
    const rows = await query<{ id: string }>(
      read,
      `select id from users where role = 'admin' and is_active and deleted_at is null order by id`,
    );
    return rows.map((row) => row.id);
  }

  async count(read: Read): Promise<number> {
    return entities(read, UserEntity).countBy({ deletedAt: IsNull() });
  }

  /** Whether no user was ever made. Processes that ask at the same time are answered one after the other. */
  async lockIfEmpty(tx: Tx): Promise<boolean> {
    await execute(tx, `select pg_advisory_xact_lock($1)`, [FIRST_USER_LOCK]);
    return (await queryOne(tx, `select 1 as found from users limit 1`)) === null;
  }
}

/** TypeORM's type takes a free JSON object for an embedded entity, which no value of `metadata` can satisfy. */
const columns = (row: UserRowChanges): QueryDeepPartialEntity<UserEntity> =>
  row as QueryDeepPartialEntity<UserEntity>;

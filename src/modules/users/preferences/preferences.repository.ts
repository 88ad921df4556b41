import { Injectable } from '@nestjs/common';
import type { QueryDeepPartialEntity } from 'typeorm';
import { entities, execute, newId, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { UserPreferencesEntity } from './user-preferences.entity.js';

export type PreferencesRow = Pick<
  UserPreferencesEntity,
  | 'theme'
  | 'language'
  | 'timezone'
  | 'notifications'
  | 'uiSettings'
  | 'apiSettings'
  | 'preferences'
  | 'version'
>;

/** What other modules need to write to somebody. */
export interface Locality {
  readonly language: string;
  readonly timezone: string;
}

/** Rows of `user_preferences`, protected: they are seen by their user and by the system. */
@Injectable()
export class PreferencesRepository {
  async find(read: Read, userId: string): Promise<UserPreferencesEntity | null> {
    return entities(read, UserPreferencesEntity).findOneBy({ userId });
  }

  /** The row, made where there was none; nobody else changes it until the transaction ends. */
  async claim(tx: Tx, userId: string): Promise<UserPreferencesEntity> {
    await execute(
      tx,
      `insert into user_preferences (id, user_id) values ($1, $2) on conflict (user_id) do nothing`,
      [newId(), userId],
    );
    return entities(tx, UserPreferencesEntity).findOneOrFail({
      where: { userId },
      lock: { mode: 'pessimistic_write' },
    });
  }

  async update(tx: Tx, userId: string, row: PreferencesRow): Promise<void> {
    const columns = row as QueryDeepPartialEntity<UserPreferencesEntity>;
    await entities(tx, UserPreferencesEntity).update({ userId }, columns);
  }

  async locality(read: Read, userId: string): Promise<Locality | null> {
    return queryOne(
      read,
      `select language, timezone from user_preferences where user_id = $1`,
      [userId],
      'user_locality',
    );
  }

  async remove(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from user_preferences where user_id = $1`, [userId]);
  }
}

import { Injectable } from '@nestjs/common';
import { In, LessThan, MoreThan } from 'typeorm';
import {
  entities,
  execute,
  query,
  type PageRequest,
  type Read,
  type Tx,
} from '../../../kernel/database/index.js';
import { CalendarEntity } from './calendar.entity.js';

export type NewCalendarRow = Pick<
  CalendarEntity,
  'id' | 'userId' | 'name' | 'description' | 'dates' | 'weekdays'
>;
export type CalendarChanges = Partial<Pick<CalendarEntity, 'name' | 'description' | 'dates' | 'weekdays'>>;

/** The name of the unique key over owner and name. */
export const NAME_UNIQUE = 'schedule_calendars_name_unique';

@Injectable()
export class CalendarsRepository {
  async find(read: Read, id: string): Promise<CalendarEntity | null> {
    return entities(read, CalendarEntity).findOneBy({ id });
  }

  /** Held until the transaction ends, also against rules that begin to name it. */
  async findForUpdate(tx: Tx, id: string): Promise<CalendarEntity | null> {
    return entities(tx, CalendarEntity).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  }

  async findMany(read: Read, ids: readonly string[]): Promise<CalendarEntity[]> {
    return entities(read, CalendarEntity).findBy({ id: In([...ids]) });
  }

  /** Those of the ids that are this user's; none of them can be deleted until the transaction ends. */
  async keep(tx: Tx, userId: string, ids: readonly string[]): Promise<Set<string>> {
    const rows = await query<{ id: string }>(
      tx,
      `select id from schedule_calendars where user_id = $1 and id = any ($2::uuid[]) order by id for key share`,
      [userId, ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** The rules that name it, the oldest first. */
  async usersOf(read: Read, id: string, limit: number): Promise<{ id: string; name: string }[]> {
    return query(
      read,
      `select id, name from schedule_rules where calendar_ids <> '{}' and calendar_ids @> array[$1::uuid]
        order by id limit $2`,
      [id, limit],
    );
  }

  /** Newest first, one row more than the limit. */
  async page(
    read: Read,
    { cursor, limit, userId }: PageRequest & { readonly userId?: string | undefined },
  ): Promise<CalendarEntity[]> {
    const builder = entities(read, CalendarEntity)
      .createQueryBuilder('calendar')
      .orderBy('calendar.id', 'DESC')
      .limit(limit + 1);
    if (cursor !== undefined) builder.andWhere({ id: LessThan(cursor) });
    if (userId !== undefined) builder.andWhere({ userId });
    return builder.getMany();
  }

  async insert(tx: Tx, row: NewCalendarRow): Promise<void> {
    await entities(tx, CalendarEntity).insert(row);
  }

  /** Makes a new version. */
  async update(tx: Tx, id: string, changes: CalendarChanges): Promise<void> {
    await entities(tx, CalendarEntity).update({ id }, { ...changes, version: () => 'version + 1' });
  }

  async delete(tx: Tx, id: string): Promise<void> {
    await entities(tx, CalendarEntity).delete({ id });
  }

  /** For a person who leaves; after their rules. */
  async removeAll(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `delete from schedule_calendars where user_id = $1`, [userId]);
  }

  /** Everything of a user, in the order of the ids. */
  async after(read: Read, userId: string, after: string, limit: number): Promise<CalendarEntity[]> {
    return entities(read, CalendarEntity).find({
      where: { userId, id: MoreThan(after) },
      order: { id: 'ASC' },
      take: limit,
    });
  }
}

import { Injectable } from '@nestjs/common';
import { queryOne, type Read } from '../../../kernel/database/index.js';

/** Days in UTC, on the database's clock. */
@Injectable()
export class DaysRepository {
  /** `day` is a date such as `2026-11-21`; `since` is when it began. */
  async today(read: Read): Promise<{ day: string; since: Date }> {
    const row = await queryOne<{ day: string; since: Date }>(
      read,
      `select to_char(day, 'YYYY-MM-DD') as day, day at time zone 'UTC' as since
         from (select date_trunc('day', now() at time zone 'UTC') as day) one`,
    );
    return row!;
  }
}

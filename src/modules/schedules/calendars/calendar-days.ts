import { Injectable } from '@nestjs/common';
import type { Read } from '../../../kernel/database/index.js';
import { parseDays, type DaySet } from '../core/index.js';
import type { CalendarEntity } from './calendar.entity.js';
import { CalendarsRepository } from './calendars.repository.js';

/** The days of the calendars that some rules name, for the planner. */
export interface KnownDays {
  /** Of each of them, null for a calendar without a day. Throws when one is not there. */
  of(calendarIds: readonly string[]): (DaySet | null)[];
}

/** More than one batch of rules names. */
const KEPT = 1_000;

/**
 * Reads calendars as they are at this moment. Which days a calendar's rows mean is kept by its version, so a calendar
 * of many days is not read word by word at every tick.
 */
@Injectable()
export class CalendarDays {
  private readonly parsed = new Map<string, { readonly version: number; readonly days: DaySet | null }>();

  constructor(private readonly calendars: CalendarsRepository) {}

  /** No statement for rules that name none. */
  async of(read: Read, rules: readonly { readonly calendarIds: readonly string[] }[]): Promise<KnownDays> {
    const ids = [...new Set(rules.flatMap(({ calendarIds }) => calendarIds))];
    const rows = ids.length === 0 ? [] : await this.calendars.findMany(read, ids);
    const known = new Map(rows.map((row) => [row.id, this.daysOf(row)]));
    return {
      of: (calendarIds) =>
        calendarIds.map((id) => {
          const days = known.get(id);
          if (days === undefined) throw new Error(`calendar ${id} is not there`);
          return days;
        }),
    };
  }

  private daysOf(row: CalendarEntity): DaySet | null {
    const kept = this.parsed.get(row.id);
    if (kept?.version === row.version) return kept.days;
    const parsed = parseDays(row);
    if (!parsed.ok) throw new Error(`calendar ${row.id} cannot be read`);
    if (this.parsed.size >= KEPT) this.parsed.clear();
    this.parsed.set(row.id, { version: row.version, days: parsed.days });
    return parsed.days;
  }
}

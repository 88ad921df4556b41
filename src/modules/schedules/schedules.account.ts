import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, everyRow } from '../../kernel/database/index.js';
import { AccountHooks, type PersonalRecords } from '../users/index.js';
import { toCalendarView } from './calendars/calendar.view.js';
import { CalendarDays } from './calendars/calendar-days.js';
import { CalendarsRepository } from './calendars/calendars.repository.js';
import { toScheduleView, toSlotView } from './schedule.view.js';
import { SchedulesAccountRepository } from './schedules-account.repository.js';

/** Schedules of people who leave or ask for their data: rules are removed with their ledger, and then calendars. */
@Injectable()
export class SchedulesAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly schedules: SchedulesAccountRepository,
    private readonly calendars: CalendarsRepository,
    private readonly days: CalendarDays,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'schedules',
      erased: async (tx, userId) => {
        await this.schedules.removeAll(tx, userId);
        await this.calendars.removeAll(tx, userId);
      },
      exported: (userId) => this.records(userId),
    });
  }

  private *records(userId: string): Iterable<PersonalRecords> {
    yield { name: 'schedules', rows: this.everyRule(userId) };
    yield { name: 'schedule-slots', rows: this.everySlot(userId) };
    yield { name: 'calendars', rows: this.everyCalendar(userId) };
  }

  private async *everyRule(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const rule of everyRow((after, limit) => this.schedules.after(read, userId, after, limit)))
      yield toScheduleView(rule, await this.days.of(read, [rule]));
  }

  private async *everyCalendar(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const row of everyRow((after, limit) => this.calendars.after(read, userId, after, limit)))
      yield toCalendarView(row);
  }

  /** Rule by rule, each in the order of its slots. */
  private async *everySlot(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    const rules = everyRow((after, limit) => this.schedules.after(read, userId, after, limit));
    for await (const { id: scheduleId } of rules) {
      const slots = everyRow((after, limit) => this.schedules.slotsAfter(read, scheduleId, after, limit));
      for await (const slot of slots) yield { scheduleId, ...toSlotView(slot) };
    }
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, everyRow } from '../../kernel/database/index.js';
import { AccountHooks, type PersonalRecords } from '../users/index.js';
import { toScheduleView, toSlotView } from './schedule.view.js';
import { SchedulesAccountRepository } from './schedules-account.repository.js';

/** Schedules of people who leave or ask for their data: rules are removed with their ledger. */
@Injectable()
export class SchedulesAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly schedules: SchedulesAccountRepository,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'schedules',
      erased: (tx, userId) => this.schedules.removeAll(tx, userId),
      exported: (userId) => this.records(userId),
    });
  }

  private *records(userId: string): Iterable<PersonalRecords> {
    yield { name: 'schedules', rows: this.everyRule(userId) };
    yield { name: 'schedule-slots', rows: this.everySlot(userId) };
  }

  private async *everyRule(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const rule of everyRow((after, limit) => this.schedules.after(read, userId, after, limit)))
      yield toScheduleView(rule);
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

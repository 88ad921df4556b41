import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Database, MonthsRepository } from '../database/index.js';
import { Health } from '../health/index.js';
import { Months, RetentionTasks } from './retention-tasks.js';

/** What removes old rows, and the watch over rows that belong to no month. */
@Global()
@Module({ providers: [RetentionTasks, Months], exports: [RetentionTasks, Months] })
export class RetentionModule implements OnModuleInit {
  constructor(
    private readonly health: Health,
    private readonly database: Database,
    private readonly months: MonthsRepository,
  ) {}

  onModuleInit(): void {
    this.health.register({ name: 'partitions', vital: false, check: () => this.strays() });
  }

  /** Such rows are cleaned up one by one, and a month that they belong to cannot be made. */
  private async strays(): Promise<string | undefined> {
    const tables = await this.months.withStrays(this.database.system('health').read);
    return tables.length === 0
      ? undefined
      : `rows of no month in ${tables.join(', ')}: see "tables grow" in docs/guides/operate.md`;
  }
}

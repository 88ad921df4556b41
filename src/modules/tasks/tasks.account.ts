import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, everyRow } from '../../kernel/database/index.js';
import { AccountHooks } from '../users/index.js';
import { TasksAccountRepository } from './tasks-account.repository.js';

/** Tasks of people who leave or ask for their data. */
@Injectable()
export class TasksAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly tasks: TasksAccountRepository,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'tasks',
      erased: (tx, userId) => this.tasks.removeAll(tx, userId),
      exported: (userId) => [{ name: 'tasks', rows: this.everyOne(userId) }],
    });
  }

  private everyOne(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    return everyRow((after, limit) => this.tasks.after(read, userId, after, limit));
  }
}

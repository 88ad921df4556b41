import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, everyRow } from '../../../kernel/database/index.js';
import { AccountHooks } from '../../users/index.js';
import { SessionsAccountRepository } from './sessions-account.repository.js';

/** Sessions of people who leave or ask for their data. An erasure has ended them before it removes them. */
@Injectable()
export class SessionsAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly sessions: SessionsAccountRepository,
  ) {}

  onModuleInit(): void {
    const { read } = this.database.system('export');
    this.hooks.register({
      module: 'auth',
      erased: (tx, userId) => this.sessions.removeAll(tx, userId),
      exported: (userId) => [
        {
          name: 'sessions',
          rows: everyRow((after, limit) => this.sessions.after(read, userId, after, limit)),
        },
      ],
    });
  }
}

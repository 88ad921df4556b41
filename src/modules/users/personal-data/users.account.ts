import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Idempotency } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks, type PersonalRecords } from '../account-hooks.js';
import { UsersService } from '../users.service.js';

/**
 * The account itself, and for the parts that know no users: stored answers and events of the kernel, which are
 * removed, and the audit trail, which keeps the id (C5). Answers and events only repeat what other files of the
 * archive have, so they have none of their own.
 */
@Injectable()
export class UsersAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
    private readonly events: Events,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'users',
      erased: (tx, userId) => this.forget(tx, userId),
      swept: async (tx, userId) => {
        await this.forget(tx, userId);
        return true;
      },
      exported: (userId) => this.records(userId),
    });
  }

  private async forget(tx: Tx, userId: string): Promise<void> {
    await this.idempotency.forgetOf(tx, userId);
    await this.events.forget(tx, userId);
  }

  private *records(userId: string): Iterable<PersonalRecords> {
    yield { name: 'profile', rows: this.profile(userId) };
    yield { name: 'audit-logs', rows: this.audit.everyEntryOf(userId) };
  }

  private async *profile(userId: string): AsyncIterable<object> {
    const user = await this.users.find(this.database.read, userId);
    if (user) yield user;
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, everyRow } from '../../../kernel/database/index.js';
import { AccountHooks } from '../../users/index.js';
import { toPermissionView } from './remote-permission.view.js';
import { RemotePermissionsRepository } from './remote-permissions.repository.js';

/** What people who leave, or ask for their data, were given on remotes of others. */
@Injectable()
export class RemotePermissionsAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly permissions: RemotePermissionsRepository,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'remotes',
      erased: (tx, userId) => this.permissions.removeAll(tx, userId),
      exported: (userId) => [{ name: 'remote-permissions', rows: this.everyOne(userId) }],
    });
  }

  private async *everyOne(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const row of everyRow((after, limit) => this.permissions.after(read, userId, after, limit)))
      yield toPermissionView(row);
  }
}

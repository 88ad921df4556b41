import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import { Database, everyRow, type Tx } from '../../kernel/database/index.js';
import { AuditService } from '../audit/index.js';
import { AccountHooks } from '../users/index.js';
import { RIGHTS } from './permissions/path-rules.js';
import { RemotePartsRepository } from './parts/remote-parts.repository.js';
import { toRemoteView } from './remote.view.js';
import { RemotesAccountRepository } from './remotes-account.repository.js';

const ERASURE: Actor = { type: 'system', name: 'erasure' };

/**
 * Remotes of people who leave or ask for their data. A remote is a place of the installation, and schedules and jobs
 * of others may name it: it must not vanish with a person. It keeps its name and its place and goes to the heir, an
 * admin, who can rename or delete it; what the person logged in with there goes with the person. The passwords of a
 * crypt stay, because without them nobody can read the files any more. Where there is no other admin it stays with
 * the tombstone, and admins of later can still use it.
 */
@Injectable()
export class RemotesAccount implements OnModuleInit {
  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly remotes: RemotesAccountRepository,
    private readonly parts: RemotePartsRepository,
    private readonly audit: AuditService,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'remotes',
      erased: (tx, userId, heir) => this.handOver(tx, userId, heir),
      exported: (userId) => [{ name: 'remotes', rows: this.everyRemote(userId) }],
    });
  }

  private async handOver(tx: Tx, from: string, heir: string | null): Promise<void> {
    await this.remotes.forgetLogins(tx, from);
    if (heir === null) return;
    for (const id of await this.remotes.handOver(tx, from, heir))
      await this.audit.record(tx, {
        actor: ERASURE,
        action: 'remote.hand_over',
        resource: { type: 'remote', id },
        details: { from, to: heir },
      });
  }

  private async *everyRemote(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for await (const remote of everyRow((after, limit) => this.remotes.after(read, userId, after, limit)))
      yield toRemoteView(remote, await this.parts.of(read, [remote.id]), RIGHTS);
  }
}

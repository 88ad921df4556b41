import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Actor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { OperationalError, UserError } from '../../../kernel/http/index.js';
import { Clock } from '../../../kernel/time/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks } from '../account-hooks.js';
import { UsersService } from '../users.service.js';
import { personalArchive } from './personal-archive.js';

/** Archives one process makes at once, so that they leave the database to others. */
const AT_ONCE = 4;
const STALL_MS = 60_000;

export interface PersonalExport {
  /** A file name of plain ASCII that says nothing about the person. */
  readonly name: string;
  readonly archive: Readable;
}

/**
 * Everything about a person as one archive, from every module by its hook. Each process makes one at a time for a
 * person (409 `export_under_way`) and four in all (503). It holds no transaction while the client reads: what
 * changes meanwhile may be in it or not.
 */
@Injectable()
export class ExportsService {
  private readonly underWay = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hooks: AccountHooks,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** The caller reads the archive or destroys it. 404 for somebody who does not exist or is erased. */
  async open(actor: Actor, userId: string): Promise<PersonalExport> {
    if (this.underWay.has(userId))
      throw UserError.conflict('export_under_way', 'An export is under way; wait until it has ended.');
    if (this.underWay.size >= AT_ONCE)
      throw new OperationalError('exports_busy', 'Too many exports are under way; try again.', 30);
    this.underWay.add(userId);
    try {
      await this.record(actor, userId);
      const now = this.clock.now();
      const archive = personalArchive(this.hooks.exported(userId), { userId, now, stallMs: STALL_MS });
      archive.once('close', () => this.underWay.delete(userId));
      return { name: `steward-export-${now.toISOString().slice(0, 10)}.zip`, archive };
    } catch (error) {
      this.underWay.delete(userId);
      throw error;
    }
  }

  private async record(actor: Actor, userId: string): Promise<void> {
    await this.database.system('export').tx(async (tx) => {
      if (!(await this.users.find(tx, userId))) throw UserError.notFound('user');
      await this.audit.record(tx, { actor, action: 'user.export', resource: { type: 'user', id: userId } });
    });
  }
}

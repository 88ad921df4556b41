import { Injectable } from '@nestjs/common';
import type { SessionActor } from '../../../kernel/auth/index.js';
import {
  Database,
  toPage,
  type DatabaseScope,
  type Page,
  type PageRequest,
} from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { UsersService } from '../../users/index.js';
import type { SessionView } from '../auth.schema.js';
import { SessionsRepository } from './sessions.repository.js';
import { sessionResource, toSessionView } from './session.view.js';

/** The sessions of somebody else, for admins (ASVS 7.4.5). 404 when there is no such user or session. */
@Injectable()
export class UserSessions {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly sessions: SessionsRepository,
    private readonly audit: AuditService,
  ) {}

  async list(actor: SessionActor, userId: string, page: PageRequest): Promise<Page<SessionView>> {
    const { read } = this.scope;
    if (!(await this.users.find(read, userId))) throw UserError.notFound('user');
    const rows = await this.sessions.page(read, userId, page);
    return toPage(rows, page.limit, (row) => toSessionView(row, actor.sessionId));
  }

  async endAll(actor: SessionActor, userId: string): Promise<void> {
    await this.scope.tx(async (tx) => {
      if (!(await this.users.find(tx, userId))) throw UserError.notFound('user');
      const ended = await this.sessions.revokeAll(tx, userId, 'ended_by_admin');
      await this.audit.record(tx, {
        actor,
        action: 'session.revoke_all',
        resource: { type: 'user', id: userId },
        details: { sessions: ended },
      });
    });
  }

  async end(actor: SessionActor, userId: string, id: string): Promise<void> {
    await this.scope.tx(async (tx) => {
      if (!(await this.sessions.revoke(tx, id, userId, 'ended_by_admin')))
        throw UserError.notFound('session');
      await this.audit.record(tx, {
        actor,
        action: 'session.revoke',
        resource: sessionResource(id),
        details: { userId },
      });
    });
  }

  /** Sessions are shown to nobody but their user, admins included: here the guard has asked for the role. */
  private get scope(): DatabaseScope {
    return this.database.system('sessions of a user');
  }
}

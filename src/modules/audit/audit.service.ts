import { Injectable } from '@nestjs/common';
import { userIdOf, type Actor } from '../../kernel/auth/index.js';
import { Database, everyRow, toPage, type Page, type Tx } from '../../kernel/database/index.js';
import { requestContext } from '../../kernel/http/index.js';
import { AuditRepository, type AuditFilter, type AuditRow, type NewAuditRow } from './audit.repository.js';
import type { AuditEntryView } from './audit.schema.js';

export interface AuditEntry {
  /** Null for somebody who is not signed in, for example a failed login. */
  readonly actor: Actor | null;
  /** `noun.verb`, for example `job.create`. */
  readonly action: string;
  readonly resource?: { readonly type: string; readonly id: string };
  readonly result?: 'success' | 'failure' | 'error';
  /** Allow-listed facts only: never a secret, a token or a whole row (rule 10). */
  readonly details?: Record<string, unknown>;
}

/**
 * The audit trail. `record` writes in the caller's transaction: the action and its record commit together or not
 * at all (C31). The address, the agent and the request id come from the current request.
 */
@Injectable()
export class AuditService {
  constructor(
    private readonly database: Database,
    private readonly logs: AuditRepository,
  ) {}

  async record(tx: Tx, entry: AuditEntry): Promise<void> {
    await this.recordMany(tx, [entry]);
  }

  /** The same for many at once, in one statement. */
  async recordMany(tx: Tx, entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length > 0) await this.logs.append(tx, entries.map(toRow));
  }

  /** For what was refused: there is no transaction of the action to join, so the record has its own. */
  async recordAlone(entry: AuditEntry): Promise<void> {
    await this.database.system('audit').tx((tx) => this.record(tx, entry));
  }

  async list(filter: AuditFilter): Promise<Page<AuditEntryView>> {
    return toPage(await this.logs.page(this.database.system('audit').read, filter), filter.limit, toView);
  }

  /** What a user did, oldest first, however much it is. */
  async *everyEntryOf(userId: string): AsyncIterable<AuditEntryView> {
    const { read } = this.database.system('export');
    for await (const row of everyRow((after, limit) => this.logs.ofUser(read, userId, after, limit)))
      yield toView(row);
  }
}

function toRow(entry: AuditEntry): NewAuditRow {
  const context = requestContext.current();
  return {
    actor_type: entry.actor?.type ?? 'anonymous',
    user_id: entry.actor && userIdOf(entry.actor),
    action: entry.action,
    resource_type: entry.resource?.type ?? null,
    resource_id: entry.resource?.id ?? null,
    result: entry.result ?? 'success',
    details: {
      ...entry.details,
      ...(entry.actor?.type === 'schedule' ? { ruleId: entry.actor.ruleId } : {}),
      ...(entry.actor?.type === 'api_key' ? { keyId: entry.actor.keyId } : {}),
    },
    ip_address: context?.ipAddress ?? null,
    user_agent: context?.userAgent ?? null,
    request_id: context?.requestId ?? null,
    session_id: entry.actor?.type === 'user' ? entry.actor.sessionId : null,
  };
}

function toView(row: AuditRow): AuditEntryView {
  return {
    id: row.id,
    actorType: row.actor_type,
    userId: row.user_id,
    action: row.action,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    result: row.result,
    details: row.details,
    ipAddress: row.ip_address,
    userAgent: row.user_agent,
    requestId: row.request_id,
    createdAt: row.created_at.toISOString(),
  };
}

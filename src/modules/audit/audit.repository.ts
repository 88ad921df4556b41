import { Injectable } from '@nestjs/common';
import { execute, newId, query, type PageRequest, type Read, type Tx } from '../../kernel/database/index.js';

export interface AuditRow {
  id: string;
  actor_type: string;
  user_id: string | null;
  action: string;
  resource_type: string | null;
  resource_id: string | null;
  result: 'success' | 'failure' | 'error';
  details: Record<string, unknown>;
  ip_address: string | null;
  user_agent: string | null;
  request_id: string | null;
  session_id: string | null;
  created_at: Date;
}

export type NewAuditRow = Omit<AuditRow, 'id' | 'created_at'>;

export interface AuditFilter extends PageRequest {
  readonly userId?: string | undefined;
  readonly action?: string | undefined;
  readonly resourceType?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly result?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

@Injectable()
export class AuditRepository {
  async append(tx: Tx, row: NewAuditRow): Promise<void> {
    await execute(
      tx,
      `insert into audit_logs (id, actor_type, user_id, action, resource_type, resource_id, result, details,
                               ip_address, user_agent, request_id, session_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        newId(),
        row.actor_type,
        row.user_id,
        row.action,
        row.resource_type,
        row.resource_id,
        row.result,
        row.details,
        row.ip_address,
        row.user_agent,
        row.request_id,
        row.session_id,
      ],
    );
  }

  /** Newest first, one row more than the limit so that the caller knows whether there is another page. */
  async page(read: Read, filter: AuditFilter): Promise<AuditRow[]> {
    return query<AuditRow>(
      read,
      `select * from audit_logs
        where ($1::uuid is null or id < $1) and ($2::uuid is null or user_id = $2)
          and ($3::text is null or action = $3) and ($4::text is null or resource_type = $4)
          and ($5::text is null or resource_id = $5) and ($6::text is null or result = $6)
          and ($7::timestamptz is null or created_at >= $7) and ($8::timestamptz is null or created_at < $8)
        order by id desc limit $9`,
      [
        filter.cursor ?? null,
        filter.userId ?? null,
        filter.action ?? null,
        filter.resourceType ?? null,
        filter.resourceId ?? null,
        filter.result ?? null,
        filter.from ?? null,
        filter.to ?? null,
        filter.limit + 1,
      ],
    );
  }

  /** What a user did, oldest first, behind `after`. */
  async ofUser(read: Read, userId: string, after: string, limit: number): Promise<AuditRow[]> {
    return query<AuditRow>(
      read,
      `select * from audit_logs where user_id = $1 and id > $2 order by id limit $3`,
      [userId, after, limit],
    );
  }
}

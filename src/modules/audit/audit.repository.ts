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
  /** One statement for any number of rows; their ids rise in the given order. */
  async append(tx: Tx, rows: readonly NewAuditRow[]): Promise<void> {
    await execute(
      tx,
      `insert into audit_logs (id, actor_type, user_id, action, resource_type, resource_id, result, details,
                               ip_address, user_agent, request_id, session_id)
       select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
                            $9::inet[], $10::text[], $11::text[], $12::uuid[])`,
      [
        rows.map(() => newId()),
        rows.map((row) => row.actor_type),
        rows.map((row) => row.user_id),
        rows.map((row) => row.action),
        rows.map((row) => row.resource_type),
        rows.map((row) => row.resource_id),
        rows.map((row) => row.result),
        rows.map((row) => JSON.stringify(row.details)),
        rows.map((row) => row.ip_address),
        rows.map((row) => row.user_agent),
        rows.map((row) => row.request_id),
        rows.map((row) => row.session_id),
      ],
      'audit_append',
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

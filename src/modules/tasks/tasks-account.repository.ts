import { Injectable } from '@nestjs/common';
import { execute, query, type Read, type Tx } from '../../kernel/database/index.js';

/** A task as its owner gets it in the archive. */
export interface ArchivedTask {
  readonly id: string;
  readonly title: string;
  readonly description: string | null;
  readonly status: string;
  readonly processingStatus: string | null;
  readonly processingResult: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Rows of `tasks` of people who leave or ask for their data. */
@Injectable()
export class TasksAccountRepository {
  async removeAll(tx: Tx, ownerId: string): Promise<void> {
    await execute(tx, `delete from tasks where owner_id = $1`, [ownerId]);
  }

  /** In the order of their ids, after one of them. */
  async after(read: Read, ownerId: string, after: string | null, limit: number): Promise<ArchivedTask[]> {
    return query<ArchivedTask>(
      read,
      `select id, title, description, status, processing_status as "processingStatus",
              processing_result as "processingResult", created_at as "createdAt", updated_at as "updatedAt"
         from tasks where owner_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
      [ownerId, after, limit],
    );
  }
}

import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { entities, execute, query, type Read, type Tx } from '../../kernel/database/index.js';
import { RemoteEntity } from './remote.entity.js';

/** The remotes of one person as a whole. */
@Injectable()
export class RemotesAccountRepository {
  /** Gives all to somebody else and answers their ids. It counts as an edit: whoever read them before is stale. */
  async handOver(tx: Tx, ownerId: string, heirId: string): Promise<string[]> {
    const rows = await query<{ id: string }>(
      tx,
      `update remotes set owner_id = $2, version = version + 1 where owner_id = $1 returning id`,
      [ownerId, heirId],
    );
    return rows.map(({ id }) => id);
  }

  /** What their remotes log in with, and as whom; not the passwords that encrypt files. */
  async forgetLogins(tx: Tx, ownerId: string): Promise<void> {
    await execute(
      tx,
      `update remotes set secrets = null, secret_names = '{}', secrets_version = secrets_version + 1,
              options = options - array['user', 'accessKeyId', 'account', 'impersonate', 'clientId'],
              status = 'unknown', status_detail = null
        where owner_id = $1 and type <> 'crypt' and (secrets is not null or options ? 'user')`,
      [ownerId],
    );
  }

  async after(read: Read, ownerId: string, after: string, limit: number): Promise<RemoteEntity[]> {
    return entities(read, RemoteEntity)
      .createQueryBuilder('remote')
      .where({ ownerId })
      .andWhere({ id: MoreThan(after) })
      .orderBy('remote.id')
      .limit(limit)
      .getMany();
  }
}

import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';

export interface SealedSecrets {
  readonly id: string;
  readonly secrets: Buffer;
}

/** The sealed secrets by themselves: what changes them without an edit by a person. */
@Injectable()
export class SealedSecretsRepository {
  /** In the order of their ids. */
  async after(read: Read, after: string, limit: number): Promise<SealedSecrets[]> {
    return query(
      read,
      `select id, secrets from remotes where secrets is not null and id > $1 order by id limit $2`,
      [after, limit],
    );
  }

  async of(read: Read, id: string): Promise<Buffer | null> {
    const row = await queryOne<{ secrets: Buffer | null }>(
      read,
      `select secrets from remotes where id = $1`,
      [id],
    );
    return row?.secrets ?? null;
  }

  /** The same secrets under another key. False when they were changed or removed since they were read. */
  async replace(tx: Tx, { id, secrets }: SealedSecrets, sealed: Buffer): Promise<boolean> {
    const text = `update remotes set secrets = $3 where id = $1 and secrets = $2`;
    return (await execute(tx, text, [id, secrets, sealed])) > 0;
  }

  /** Other secrets. False when they have another version by now. */
  async renew(tx: Tx, id: string, version: number, sealed: Buffer | null): Promise<boolean> {
    const text = `update remotes set secrets = $3, secrets_version = secrets_version + 1
                   where id = $1 and secrets_version = $2`;
    return (await execute(tx, text, [id, version, sealed])) > 0;
  }
}

import { Injectable } from '@nestjs/common';
import { execute, newId, query, type Read, type Tx } from '../../../kernel/database/index.js';
import type { JobFence } from '../../jobs/index.js';
import type { LockPlace } from './lock-places.js';

export interface LockRow extends LockPlace, JobFence {
  readonly id: string;
  /** False: its job waits for the place. */
  readonly isHeld: boolean;
}

@Injectable()
export class PathLocksRepository {
  /** Others who want any of these scopes wait until the transaction ends. Taken in one order by everybody. */
  async lockScopes(tx: Tx, scopes: readonly string[]): Promise<void> {
    await execute(
      tx,
      `select pg_advisory_xact_lock(key)
         from (select distinct hashtextextended(scope, 1) as key from unnest($1::text[]) as scope order by key) as keys`,
      [scopes],
      'path_locks_scopes',
    );
  }

  async inScopes(read: Read, scopes: readonly string[]): Promise<LockRow[]> {
    return query<LockRow>(
      read,
      `select id, scope, path_key as key, writes, through, job_id as "jobId", lease_epoch as "leaseEpoch", is_held as "isHeld"
         from path_locks where scope = any($1::text[]) order by id`,
      [scopes],
      'path_locks_in_scopes',
    );
  }

  async insert(tx: Tx, fence: JobFence, places: readonly LockPlace[], isHeld: boolean): Promise<void> {
    await execute(
      tx,
      `insert into path_locks (id, scope, path_key, writes, through, job_id, lease_epoch, is_held)
       select id, scope, path_key, writes, through, $6, $7, $8
         from unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::uuid[]) as p(id, scope, path_key, writes, through)`,
      [
        places.map(() => newId()),
        places.map(({ scope }) => scope),
        places.map(({ key }) => key),
        places.map(({ writes }) => writes),
        places.map(({ through }) => through),
        fence.jobId,
        fence.leaseEpoch,
        isHeld,
      ],
      'path_locks_insert',
    );
  }

  /** Of rows in scopes that are locked, so that nobody else removes the same ones. */
  async remove(tx: Tx, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await execute(tx, `delete from path_locks where id = any($1::uuid[])`, [ids]);
  }

  /** Everything of the job; what another scope has of it too. */
  async removeOf(tx: Tx, jobId: string): Promise<void> {
    await execute(tx, `delete from path_locks where job_id = $1`, [jobId], 'path_locks_remove_of');
  }

  /** Removes what an attempt has held and answers the scopes. */
  async release(tx: Tx, { jobId, leaseEpoch }: JobFence): Promise<string[]> {
    const rows = await query<{ scope: string }>(
      tx,
      `delete from path_locks where job_id = $1 and lease_epoch = $2 returning scope`,
      [jobId, leaseEpoch],
      'path_locks_release',
    );
    return [...new Set(rows.map(({ scope }) => scope))];
  }

  /** Those who wait for anything in the scopes wait no more. */
  async dismissWaiting(tx: Tx, scopes: readonly string[]): Promise<string[]> {
    const rows = await query<{ jobId: string }>(
      tx,
      `with waiting as (
         select id from path_locks where scope = any($1::text[]) and not is_held order by id for update skip locked)
       delete from path_locks using waiting where path_locks.id = waiting.id returning path_locks.job_id as "jobId"`,
      [scopes],
      'path_locks_dismiss',
    );
    return [...new Set(rows.map(({ jobId }) => jobId))];
  }
}

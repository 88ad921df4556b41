import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which running jobs read and write where (S1-41, C29): readers share, a writer keeps everybody else from its folder
 * and all below. A lock belongs to one attempt, by job and lease epoch: where that attempt does not hold its job any
 * more the lock counts for nothing, so no crash leaves one behind.
 *
 * `scope` is a remote, the disk that all local remotes are on, or what counts an owner's jobs; paths of one scope can
 * be compared. `through` is the composed remote that leads there. Rows that are not held are of jobs that wait.
 */
export class CreatePathLocks20261121112000 implements MigrationInterface {
  name = 'CreatePathLocks20261121112000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table path_locks (
        id uuid primary key,
        scope text not null,
        path_key text not null,
        writes boolean not null,
        through uuid,
        job_id uuid not null,
        lease_epoch integer not null,
        is_held boolean not null,
        created_at timestamptz not null default now()
      )`);
    await runner.query(`create index path_locks_scope_idx on path_locks (scope)`);
    await runner.query(`create index path_locks_job_id_idx on path_locks (job_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table path_locks`);
  }
}

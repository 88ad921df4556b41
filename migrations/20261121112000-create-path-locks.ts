import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which running jobs read and write where (S1-41, C29): readers share, a writer keeps everybody else from its folder
 * and all below. A lock belongs to one attempt, by job and lease epoch: where that attempt does not hold its job any
 * more the lock counts for nothing, so no crash leaves one behind.
 */
export class CreatePathLocks20261121112000 implements MigrationInterface {
  name = 'CreatePathLocks20261121112000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table path_locks (
        id uuid primary key,
        remote_id uuid not null references remotes (id) on delete cascade,
        path_key text not null,
        writes boolean not null,
        job_id uuid not null,
        lease_epoch integer not null,
        created_at timestamptz not null default now()
      )`);
    await runner.query(`create index path_locks_remote_id_idx on path_locks (remote_id)`);
    await runner.query(`create index path_locks_job_id_idx on path_locks (job_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table path_locks`);
  }
}

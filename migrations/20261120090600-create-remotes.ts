import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Configured places for files (S1-33, C15). */
export class CreateRemotes20261120090600 implements MigrationInterface {
  name = 'CreateRemotes20261120090600';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table remotes (
        id uuid primary key,
        owner_id uuid not null references users (id),
        name text not null check (length(name) between 1 and 100),
        name_key text not null constraint remotes_name_key_unique unique,
        type text not null constraint remotes_type_known check (type in ('local')),
        root text not null check (length(root) between 1 and 4096),
        status text not null default 'unknown' constraint remotes_status_known
          check (status in ('unknown', 'online', 'offline', 'auth_error')),
        status_detail text,
        last_checked_at timestamptz,
        version integer not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    await runner.query(`create index remotes_owner_id_idx on remotes (owner_id, id desc)`);
    await runner.query(
      `create trigger remotes_updated_at before update on remotes for each row execute function set_updated_at()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table remotes`);
  }
}

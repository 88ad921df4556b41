import type { MigrationInterface, QueryRunner } from 'typeorm';

const TYPES = `'local', 'alias', 'sftp', 'webdav', 's3', 'ftp', 'http', 'drive', 'dropbox', 'onedrive', 'b2', 'azureblob', 'gcs', 'crypt', 'union', 'combine'`;

/**
 * Remotes of every type (S1-33, C15). What may be seen of their configuration is in `options`, what may not is sealed
 * in `secrets` (ADR 23); an alias, crypt, union or combine names what it is made of in `remote_parts`.
 *
 * `version` counts what people edit; a token that a provider renews changes `secrets` and `secrets_version` alone.
 * Which secrets there are is in `secret_names`, so that nobody has to open them to say so. `used_at` says whether a
 * remote is worth looking at now and then, `check_claimed_at` which process is doing so.
 */
export class WidenRemotes20261121110000 implements MigrationInterface {
  name = 'WidenRemotes20261121110000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table remotes drop constraint remotes_type_known`);
    await runner.query(`alter table remotes add constraint remotes_type_known check (type in (${TYPES}))`);
    await runner.query(`
      alter table remotes
        add options jsonb not null default '{}' constraint remotes_options_object check (jsonb_typeof(options) = 'object'),
        add secrets bytea,
        add secret_names text[] not null default '{}',
        add secrets_version integer not null default 1,
        add used_at timestamptz,
        add check_claimed_at timestamptz`);
    // What a check finds and what a provider renews is no edit: neither makes the remote look changed.
    await runner.query(`drop trigger remotes_updated_at on remotes`);
    await runner.query(`
      create trigger remotes_updated_at before update on remotes for each row
        when (old.version <> new.version) execute function set_updated_at()`);
    // What another remote is made of is not deleted under it.
    await runner.query(`
      create table remote_parts (
        remote_id uuid not null references remotes (id) on delete cascade,
        position smallint not null check (position between 0 and 99),
        part_id uuid not null references remotes (id) on delete restrict,
        path text not null,
        name text,
        read_only boolean not null default false,
        created_at timestamptz not null default now(),
        primary key (remote_id, position),
        constraint remote_parts_not_itself check (part_id <> remote_id),
        constraint remote_parts_name_unique unique (remote_id, name)
      )`);
    await runner.query(`create index remote_parts_part_id_idx on remote_parts (part_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table remote_parts`);
    await runner.query(`delete from remotes where type <> 'local'`);
    await runner.query(`drop trigger remotes_updated_at on remotes`);
    await runner.query(
      `create trigger remotes_updated_at before update on remotes for each row execute function set_updated_at()`,
    );
    await runner.query(
      `alter table remotes drop options, drop secrets, drop secret_names, drop secrets_version, drop used_at, drop check_claimed_at`,
    );
    await runner.query(`alter table remotes drop constraint remotes_type_known`);
    await runner.query(`alter table remotes add constraint remotes_type_known check (type in ('local'))`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a user may do on a remote, and on which paths (S1-10…S1-13, S1-45). The owner of a remote and admins need no
 * row. A remote that is deleted takes its permissions along; so does a user.
 */
export class CreateRemotePermissions20261121111000 implements MigrationInterface {
  name = 'CreateRemotePermissions20261121111000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table remote_permissions (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        remote_id uuid not null references remotes (id) on delete cascade,
        permissions text[] not null default '{}' constraint remote_permissions_known
          check (permissions <@ array['read', 'write', 'delete', 'admin']),
        path_rules jsonb not null default '[]' constraint remote_permissions_rules_list
          check (jsonb_typeof(path_rules) = 'array'),
        is_active boolean not null default true,
        version integer not null default 1,
        created_by uuid references users (id) on delete set null,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint unique_user_remote_permission unique (user_id, remote_id)
      )`);
    await runner.query(`comment on column remote_permissions.path_rules is
      '[{"path": glob, "allow": [permission], "deny": [permission]}]; a denial wins whatever the order: {"path": "/public/*", "allow": ["read"], "deny": []}'`);
    await runner.query(
      `create index remote_permissions_remote_id_idx on remote_permissions (remote_id, user_id)`,
    );
    await runner.query(
      `create index remote_permissions_path_rules_idx on remote_permissions using gin (path_rules jsonb_path_ops)`,
    );
    await runner.query(
      `create trigger remote_permissions_updated_at before update on remote_permissions for each row execute function set_updated_at()`,
    );
    await runner.query(`select protect_rows('remote_permissions', 'user_id', true)`);
    await runner.query(`select refuse_rows_of_the_erased('remote_permissions', 'user_id')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table remote_permissions`);
  }
}

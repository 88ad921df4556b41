import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Accounts and their login sessions (S0-3, S1-3, S1-7, S4-1; C1…C4, C18). */
export class CreateUsers20261120090100 implements MigrationInterface {
  name = 'CreateUsers20261120090100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table users (
        id uuid primary key,
        seq bigint generated always as identity unique,
        email text not null check (length(email) between 3 and 255 and email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
        email_key text not null constraint users_email_key_unique unique,
        username text check (length(username) between 1 and 50),
        username_key text constraint users_username_key_unique unique,
        password_hash text,
        full_name text check (length(full_name) <= 255),
        role text not null default 'user' constraint users_role_known check (role in ('user', 'power_user', 'admin')),
        is_superuser boolean not null generated always as (role = 'admin') stored,
        is_active boolean not null default true,
        is_verified boolean not null default false,
        metadata jsonb not null default '{}',
        last_login_at timestamptz,
        deleted_at timestamptz,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        check ((username is null) = (username_key is null))
      )`);
    await runner.query(
      `create trigger users_updated_at before update on users for each row execute function set_updated_at()`,
    );

    // One row a login. Of the refresh token only a keyed hash is kept; `refresh_nonce` lets the successor of a
    // token whose answer got lost be derived again.
    await runner.query(`
      create table sessions (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        refresh_counter integer not null default 0,
        refresh_hash bytea not null,
        refresh_nonce bytea not null,
        rotated_at timestamptz not null default now(),
        ip_address inet,
        user_agent text,
        device_info jsonb not null default '{}',
        idle_expires_at timestamptz not null,
        absolute_expires_at timestamptz not null,
        last_activity_at timestamptz not null default now(),
        revoked_at timestamptz,
        revoked_reason text,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    await runner.query(`create index sessions_user_id_idx on sessions (user_id)`);
    await runner.query(`create index sessions_absolute_expires_at_idx on sessions (absolute_expires_at)`);
    await runner.query(
      `create trigger sessions_updated_at before update on sessions for each row execute function set_updated_at()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table sessions`);
    await runner.query(`drop table users`);
  }
}

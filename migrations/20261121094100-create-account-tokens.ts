import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * One-use codes that are mailed to people (ASVS 6.4.1, 6.5), and the kinds of devices that an account was used from.
 * Of a code only a keyed hash is kept; `nonce` lets it be derived again when its mail is written, with a key that is
 * not in the database. Of a device only a keyed hash is kept too.
 */
export class CreateAccountTokens20261121094100 implements MigrationInterface {
  name = 'CreateAccountTokens20261121094100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table account_tokens (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        purpose text not null constraint account_tokens_purpose_known
          check (purpose in ('verify_email', 'reset_password', 'change_email', 'undo_email_change')),
        email text not null check (length(email) between 3 and 255),
        email_key text not null,
        bound_key text not null,
        token_hash bytea not null,
        nonce bytea not null,
        accept_language text check (length(accept_language) <= 100),
        expires_at timestamptz not null,
        used_at timestamptz,
        voided_at timestamptz,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    await runner.query(`create index account_tokens_user_id_idx on account_tokens (user_id, created_at)`);
    await runner.query(`create index account_tokens_email_key_idx on account_tokens (email_key, created_at)`);
    await runner.query(`create index account_tokens_expires_at_idx on account_tokens (expires_at)`);
    await runner.query(
      `create trigger account_tokens_updated_at before update on account_tokens for each row execute function set_updated_at()`,
    );
    await runner.query(`select protect_rows('account_tokens')`);
    await runner.query(`select refuse_rows_of_the_erased('account_tokens')`);

    await runner.query(`
      create table seen_devices (
        user_id uuid not null references users (id) on delete cascade,
        device_hash bytea not null,
        last_seen_at timestamptz not null default now(),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        primary key (user_id, device_hash)
      )`);
    await runner.query(`create index seen_devices_last_seen_at_idx on seen_devices (last_seen_at)`);
    await runner.query(
      `create trigger seen_devices_updated_at before update on seen_devices for each row execute function set_updated_at()`,
    );
    await runner.query(`select protect_rows('seen_devices')`);
    await runner.query(`select refuse_rows_of_the_erased('seen_devices')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table seen_devices`);
    await runner.query(`drop table account_tokens`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys for programs, and their owner's name for them in the audit trail (C31). */
export class CreateApiKeys20261121094500 implements MigrationInterface {
  name = 'CreateApiKeys20261121094500';

  async up(runner: QueryRunner): Promise<void> {
    // Of the key only a keyed hash is kept. The prefix is the part that may be shown and names the row.
    await runner.query(`
      create table api_keys (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        name text not null check (length(name) between 1 and 100),
        prefix text not null constraint api_keys_prefix_unique unique check (length(prefix) between 8 and 40),
        key_hash bytea not null check (length(key_hash) = 32),
        scopes text[] not null check (cardinality(scopes) > 0),
        allowed_networks text[] not null default '{}',
        expires_at timestamptz,
        last_used_at timestamptz,
        last_used_ip inet,
        revoked_at timestamptz,
        revoked_reason text,
        created_at timestamptz not null default now(),
        check ((revoked_at is null) = (revoked_reason is null))
      ) with (fillfactor = 80)`);
    await runner.query(`create index api_keys_user_id_idx on api_keys (user_id, id desc)`);
    await runner.query(`select protect_rows('api_keys')`);
    await runner.query(`select refuse_rows_of_the_erased('api_keys', 'user_id')`);

    await runner.query(`alter table audit_logs drop constraint audit_logs_actor_type_check`);
    await runner.query(`
      alter table audit_logs add constraint audit_logs_actor_type_check
        check (actor_type in ('user', 'api_key', 'schedule', 'job', 'system', 'anonymous'))`);
  }

  /** What keys have done is told of their owner afterwards; the key's id stays in the details. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table audit_logs disable trigger audit_logs_append_only`);
    await runner.query(`update audit_logs set actor_type = 'user' where actor_type = 'api_key'`);
    await runner.query(`alter table audit_logs enable trigger audit_logs_append_only`);
    await runner.query(`alter table audit_logs drop constraint audit_logs_actor_type_check`);
    await runner.query(`
      alter table audit_logs add constraint audit_logs_actor_type_check
        check (actor_type in ('user', 'schedule', 'job', 'system', 'anonymous'))`);
    await runner.query(`drop table api_keys`);
  }
}

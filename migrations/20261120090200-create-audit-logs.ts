import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The audit trail (S1-22, S1-23; C31): written in the transaction of what it records, append-only. No foreign
 * key to users: a row outlives the account it names, by its pseudonymous id (C5).
 */
export class CreateAuditLogs20261120090200 implements MigrationInterface {
  name = 'CreateAuditLogs20261120090200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table audit_logs (
        id uuid primary key,
        actor_type text not null check (actor_type in ('user', 'schedule', 'job', 'system', 'anonymous')),
        user_id uuid,
        action text not null check (length(action) between 1 and 100),
        resource_type text check (length(resource_type) <= 50),
        resource_id text check (length(resource_id) <= 255),
        result text not null check (result in ('success', 'failure', 'error')),
        details jsonb not null default '{}',
        ip_address inet,
        user_agent text,
        request_id text,
        session_id uuid,
        created_at timestamptz not null default clock_timestamp()
      ) partition by range (id)`);
    await runner.query(`create index audit_logs_user_id_idx on audit_logs (user_id, id desc)`);
    await runner.query(`create index audit_logs_resource_idx on audit_logs (resource_type, resource_id)`);
    await runner.query(`create index audit_logs_action_idx on audit_logs (action)`);
    await runner.query(`select partition_by_month('audit_logs')`);
    await runner.query(`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
      end $$`);
    await runner.query(
      `create trigger audit_logs_append_only before update or delete on audit_logs for each row execute function refuse_change()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table audit_logs`);
    await runner.query(`drop function refuse_change()`);
    await runner.query(`delete from month_partitioned where parent = 'audit_logs'`);
  }
}

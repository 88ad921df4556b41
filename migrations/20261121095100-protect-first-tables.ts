import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['sessions', 'jobs', 'notifications', 'idempotency_keys', 'job_logs'];

/**
 * Row-level security on the tables whose rows belong to a user (S0-43, S2-16, C22). Jobs and their logs may be seen
 * by admins; what a person was told, and what they log in with, by nobody else.
 */
export class ProtectFirstTables20261121095100 implements MigrationInterface {
  name = 'ProtectFirstTables20261121095100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`select protect_rows('sessions')`);
    await runner.query(`select protect_rows('jobs', 'user_id', true)`);
    await runner.query(`select protect_rows('notifications')`);
    await runner.query(`select protect_rows('idempotency_keys')`);

    const [{ schema }] = (await runner.query(`select quote_ident(current_schema()) as schema`)) as [
      { schema: string },
    ];
    // A line belongs to whoever its job belongs to: who may see the job, by the policies of jobs, may see its lines.
    // The table is named with its schema, or a temporary one of the same name would be asked. In a function, because it keeps its plan, while a subquery in the policy would have every statement plan all
    // partitions of jobs for each partition of the lines.
    await runner.query(`
      create function may_see_job(job uuid) returns boolean language plpgsql stable parallel safe as $$
      begin
        return exists (select from ${schema}.jobs where id = job);
      end $$`);
    // The context of the system comes first, because then nothing is looked up for the lines the workers write.
    const allowed = `(case when (select in_system_context()) or may_see_job(job_id) then true end) is not null`;
    await runner.query(`alter table job_logs enable row level security`);
    await runner.query(`alter table job_logs force row level security`);
    await runner.query(`create policy rows_read on job_logs for select using (${allowed})`);
    await runner.query(`create policy rows_add on job_logs for insert with check (${allowed})`);
    await runner.query(
      `create policy rows_change on job_logs for update using (${allowed}) with check (${allowed})`,
    );
    await runner.query(`create policy rows_remove on job_logs for delete using (${allowed})`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES.toReversed()) {
      for (const policy of ['rows_read', 'rows_add', 'rows_change', 'rows_remove'])
        await runner.query(`drop policy ${policy} on ${table}`);
      await runner.query(`alter table ${table} no force row level security`);
      await runner.query(`alter table ${table} disable row level security`);
    }
    await runner.query(`drop function may_see_job(uuid)`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * On whose behalf a transaction runs (S0-43, S2-16, C22), and the policies of tables whose rows belong to a user.
 * The settings are local to the transaction; where they are not set, nobody is meant and no row is shown.
 */
export class CreateRowContexts20261121090000 implements MigrationInterface {
  name = 'CreateRowContexts20261121090000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function current_user_id() returns uuid language sql stable parallel safe as $$
        select nullif(current_setting('steward.user_id', true), '')::uuid
      $$`);
    await runner.query(`
      create function current_user_is_admin() returns boolean language sql stable parallel safe as $$
        select coalesce(current_setting('steward.user_role', true), '') = 'admin'
      $$`);
    // Work of Steward itself, such as dispatching jobs, under a name.
    await runner.query(`
      create function in_system_context() returns boolean language sql stable parallel safe as $$
        select coalesce(current_setting('steward.system', true), '') <> ''
      $$`);

    // A user's rows for this user alone, and for the system; for admins too where they may see everybody's.
    // The functions are wrapped so that they are evaluated once a statement and not once a row. The planner takes a
    // policy for a filter that drops half of the rows, and would sort a user's rows instead of reading the newest
    // along the index; written as "is not null" it counts on what is true: statements ask for one user's rows anyway.
    await runner.query(`
      create function protect_rows(place regclass, owner_column name default 'user_id', admins boolean default false)
      returns void language plpgsql as $$
      declare
        allowed text := format('%I = (select current_user_id()) or (select in_system_context())', owner_column)
          || case when admins then ' or (select current_user_is_admin())' else '' end;
      begin
        allowed := '(case when ' || allowed || ' then true end) is not null';
        execute format('alter table %s enable row level security', place);
        execute format('alter table %s force row level security', place);
        execute format('create policy rows_read on %s for select using (%s)', place, allowed);
        execute format('create policy rows_add on %s for insert with check (%s)', place, allowed);
        execute format('create policy rows_change on %s for update using (%s) with check (%s)', place, allowed, allowed);
        execute format('create policy rows_remove on %s for delete using (%s)', place, allowed);
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function protect_rows(regclass, name, boolean)`);
    await runner.query(`drop function in_system_context()`);
    await runner.query(`drop function current_user_is_admin()`);
    await runner.query(`drop function current_user_id()`);
  }
}

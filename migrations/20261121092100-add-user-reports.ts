import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What lists of users are filtered and sorted by (S0-27, S0-28, S1-5): each with an index of its own, so that a page
 * costs the same wherever it lies. `task_count` is kept by triggers of the tasks.
 */
export class AddUserReports20261121092100 implements MigrationInterface {
  name = 'AddUserReports20261121092100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table users
        add task_count integer not null default 0 check (task_count >= 0),
        add version integer not null default 1`);

    // Counting tasks is no change of the account.
    await runner.query(`drop trigger users_updated_at on users`);
    await runner.query(`
      create trigger users_updated_at before update on users for each row
        when (old.task_count = new.task_count) execute function set_updated_at()`);

    await runner.query(`create index users_role_id_idx on users (role, id) where deleted_at is null`);
    await runner.query(
      `create index users_is_active_id_idx on users (is_active, id) where deleted_at is null`,
    );
    await runner.query(
      `create index users_is_verified_id_idx on users (is_verified, id) where deleted_at is null`,
    );
    await runner.query(
      `create index users_task_count_id_idx on users (task_count, id) where deleted_at is null`,
    );
    await runner.query(
      `create index users_with_tasks_idx on users (id) where task_count > 0 and deleted_at is null`,
    );

    // Searching parts of names needs pg_trgm. Where the server does not have it, or does not let this role create it,
    // the search works all the same and reads the whole table.
    await runner.query(`
      do $$ begin
        create extension if not exists pg_trgm;
      exception when insufficient_privilege or undefined_file or feature_not_supported then
        raise notice 'pg_trgm is not to be had: searching users reads the whole table';
      end $$`);
    await runner.query(`
      do $$ begin
        if exists (select from pg_extension where extname = 'pg_trgm') then
          create index users_search_idx on users
            using gin (email gin_trgm_ops, username gin_trgm_ops, full_name gin_trgm_ops);
        end if;
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index if exists users_search_idx`);
    // Somebody else's index may lean on the extension; it stays then.
    await runner.query(`
      do $$ begin
        drop extension if exists pg_trgm;
      exception when dependent_objects_still_exist or insufficient_privilege then null;
      end $$`);
    await runner.query(`drop trigger users_updated_at on users`);
    await runner.query(
      `create trigger users_updated_at before update on users for each row execute function set_updated_at()`,
    );
    // Takes along the indexes that mention task_count.
    await runner.query(`drop index users_is_verified_id_idx, users_is_active_id_idx, users_role_id_idx`);
    await runner.query(`alter table users drop task_count, drop version`);
  }
}

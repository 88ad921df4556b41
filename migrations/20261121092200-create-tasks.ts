import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Users' tasks, each with at most one file and what became of its processing (S0-6…S0-10, S0-36; C1, C9, C10). */
export class CreateTasks20261121092200 implements MigrationInterface {
  name = 'CreateTasks20261121092200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table tasks (
        id uuid primary key,
        seq bigint generated always as identity unique,
        owner_id uuid not null constraint fk_tasks_owner references users (id) on delete cascade,
        title text not null check (length(title) between 1 and 500),
        description text,
        status text not null default 'pending'
          constraint tasks_status_known check (status in ('pending', 'in_progress', 'completed', 'cancelled')),
        file_path text check (length(file_path) <= 1000),
        processing_status text
          constraint tasks_processing_status_known check (processing_status in ('pending', 'processing', 'success', 'failed')),
        processing_result jsonb,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    await runner.query(
      `create trigger tasks_updated_at before update on tasks for each row execute function set_updated_at()`,
    );
    // The owner alone is the beginning of the first; created_at is read in both directions.
    await runner.query(`create index idx_tasks_owner_status on tasks (owner_id, status)`);
    await runner.query(`create index idx_tasks_status on tasks (status)`);
    await runner.query(`create index idx_tasks_created_at on tasks (created_at)`);
    await runner.query(
      `create index idx_tasks_processing_status on tasks (processing_status) where processing_status is not null`,
    );
    await runner.query(`select protect_rows('tasks', 'owner_id', true)`);

    // Keeps users.task_count exact, once a statement. The users are locked in the order of their ids, or two
    // statements with the same owners could wait for each other for ever.
    await runner.query(`
      create function keep_task_counts() returns trigger language plpgsql as $$
      declare
        owners uuid[];
        changes integer[];
      begin
        if tg_op = 'TRUNCATE' then
          update users set task_count = 0 where task_count > 0;
          return null;
        elsif tg_op = 'INSERT' then
          select array_agg(owner_id), array_agg(n) into owners, changes
            from (select owner_id, count(*)::integer as n from added group by owner_id) each;
        elsif tg_op = 'DELETE' then
          select array_agg(owner_id), array_agg(n) into owners, changes
            from (select owner_id, -count(*)::integer as n from removed group by owner_id) each;
        else
          select array_agg(owner_id), array_agg(n) into owners, changes
            from (select owner_id, sum(n)::integer as n
                    from (select owner_id, 1 as n from added union all select owner_id, -1 from removed) moved
                   group by owner_id having sum(n) <> 0) each;
        end if;
        if owners is not null then
          perform 1 from users where id = any (owners) order by id for no key update;
          update users set task_count = task_count + each.n
            from unnest(owners, changes) as each (owner_id, n) where users.id = each.owner_id;
        end if;
        return null;
      end $$`);
    await runner.query(`
      create trigger tasks_count_added after insert on tasks referencing new table as added
        for each statement execute function keep_task_counts()`);
    await runner.query(`
      create trigger tasks_count_removed after delete on tasks referencing old table as removed
        for each statement execute function keep_task_counts()`);
    await runner.query(`
      create trigger tasks_count_moved after update on tasks referencing old table as removed new table as added
        for each statement execute function keep_task_counts()`);
    await runner.query(`
      create trigger tasks_count_emptied after truncate on tasks
        for each statement execute function keep_task_counts()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table tasks`);
    await runner.query(`drop function keep_task_counts()`);
    await runner.query(`update users set task_count = 0 where task_count > 0`);
  }
}

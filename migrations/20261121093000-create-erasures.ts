import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Erasing people (C5). Their row stays as a tombstone, so a foreign key alone would let something that was under
 * way during the erasure make new rows for nobody. `refuse_erased_owner` closes that: creating a row takes a key
 * share lock on its owner, an erasure takes the full lock, so one waits for the other and either the row is there
 * to be removed or its transaction fails.
 */
export class CreateErasures20261121093000 implements MigrationInterface {
  name = 'CreateErasures20261121093000';

  async up(runner: QueryRunner): Promise<void> {
    // Erasures after which something may still be left to remove, such as the row of a job that has to end first.
    await runner.query(`
      create table erasures (
        user_id uuid primary key references users (id),
        due_at timestamptz not null default now(),
        created_at timestamptz not null default now()
      )`);
    await runner.query(`create index erasures_due_at_idx on erasures (due_at)`);
    await runner.query(`select protect_rows('erasures')`);

    // For each statement and not for each row: with many rows at once it costs next to nothing. It runs after the
    // foreign keys were checked, so the owners are locked, and a fresh look at them sees how they ended.
    await runner.query(`
      create function refuse_erased_owner() returns trigger language plpgsql as $$
      declare
        erased uuid;
      begin
        if tg_argv[0] = 'user_id' then
          select u.id into erased from users u where u.deleted_at is not null and u.id in (select a.user_id from added a) limit 1;
        else
          execute format('select u.id from users u where u.deleted_at is not null and u.id in (select a.%I from added a) limit 1', tg_argv[0])
            into erased;
        end if;
        if erased is not null then
          raise exception 'the owner of this row is erased' using errcode = 'foreign_key_violation', constraint = 'owner_erased';
        end if;
        return null;
      end $$`);
    // For tables whose rows belong to a user; a test finds those that forgot it.
    await runner.query(`
      create function refuse_rows_of_the_erased(place regclass, owner_column name default 'user_id') returns void language plpgsql as $$
      begin
        execute format('create trigger refuse_erased_owner after insert on %s referencing new table as added
          for each statement execute function refuse_erased_owner(%L)', place, owner_column);
      end $$`);
    await runner.query(`
      select refuse_rows_of_the_erased(k.conrelid::regclass, a.attname)
        from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
       where k.contype = 'f' and k.confrelid = 'users'::regclass and k.conparentid = 0
         and k.conrelid <> 'erasures'::regclass
       order by k.conrelid::regclass::text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      do $$ declare
        one record;
      begin
        for one in select tgname, tgrelid::regclass as place from pg_trigger
                    where tgfoid = 'refuse_erased_owner'::regproc and not tgisinternal and tgparentid = 0 loop
          execute format('drop trigger %I on %s', one.tgname, one.place);
        end loop;
      end $$`);
    await runner.query(`drop function refuse_rows_of_the_erased(regclass, name)`);
    await runner.query(`drop function refuse_erased_owner()`);
    await runner.query(`drop table erasures`);
  }
}

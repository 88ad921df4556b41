import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Old months go by dropping their partition (S1-21, S2-37, S2-40). The application owns no table (ADR 14), so it is
 * given functions that run with their owner's rights and do this and nothing else: only months that are over, and
 * only of the three tables that have retention. The audit trail is not one of them.
 *
 * None of them waits long for a lock: whoever waits for one holds up everybody who comes after. 400 ms, because
 * two of these waits stay below the second after which the server looks for deadlocks and would end somebody else.
 */
export class DropOldMonths20261121103000 implements MigrationInterface {
  name = 'DropOldMonths20261121103000';

  async up(runner: QueryRunner): Promise<void> {
    // The partition of a month that is over, or null when there is none (any more).
    await runner.query(`
      create function past_partition(place text, month date) returns text language plpgsql stable as $$
      declare
        partition text := place || to_char(month, '_YYYY_MM');
      begin
        if coalesce(place, '') not in ('jobs', 'job_logs', 'events') then
          raise exception 'months of % are not dropped', place using errcode = 'insufficient_privilege';
        end if;
        if month <> date_trunc('month', month) or (month + interval '1 month') > now() at time zone 'UTC' then
          raise exception 'the month % is not over', month using errcode = 'insufficient_privilege';
        end if;
        return (select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where i.inhparent = to_regclass(quote_ident(place)) and c.oid = to_regclass(quote_ident(partition)));
      end $$`);

    // Tells whoever comes too late to try again; the row will not be there then.
    await runner.query(`
      create function refuse_change_of_closed_month() returns trigger language plpgsql as $$
      begin
        raise exception 'the month of this row is closed' using errcode = 'lock_not_available';
      end $$`);

    // Closes a month of jobs: from here on its rows can be removed but neither added nor changed, so that what was
    // looked at stays true until the month is dropped. False while a job of it is open. Each question is answered
    // by a partial index, because writers wait meanwhile.
    await runner.query(`
      create function close_month(month date) returns boolean language plpgsql security definer as $$
      declare
        partition text := past_partition('jobs', month);
        open boolean;
      begin
        if partition is null then return false; end if;
        if exists (select from pg_trigger where tgrelid = to_regclass(quote_ident(partition)) and tgname = 'closed') then
          return true;
        end if;
        execute format('lock table %I in share row exclusive mode', partition);
        execute format('select exists (select from %1$I where run_at is not null and turn is null)
                            or exists (select from %1$I where turn is not null and limit_key is null)
                            or exists (select from %1$I where turn is not null and limit_key is not null)
                            or exists (select from %1$I where run_at is null and completed_at is null and cancelled_at is null)',
          partition) into open;
        if open then return false; end if;
        execute format('create trigger closed before insert or update on %I
          for each row execute function refuse_change_of_closed_month()', partition);
        return true;
      end $$`);

    await runner.query(`
      create function reopen_month(month date) returns void language plpgsql security definer as $$
      declare
        partition text := past_partition('jobs', month);
      begin
        if partition is not null then
          execute format('drop trigger if exists closed on %I', partition);
        end if;
      end $$`);

    // False when there is none (any more). A month of jobs must have been closed before. In the context of the system,
    // because detaching looks for lines that refer to the month's jobs.
    await runner.query(`
      create function drop_month(place text, month date) returns boolean language plpgsql security definer as $$
      declare
        partition text := past_partition(place, month);
        context text := coalesce(current_setting('steward.system', true), '');
      begin
        if partition is null then return false; end if;
        if place = 'jobs' and not exists (
             select from pg_trigger where tgrelid = to_regclass(quote_ident(partition)) and tgname = 'closed') then
          raise exception 'the month % of jobs is not closed', month using errcode = 'insufficient_privilege';
        end if;
        perform set_config('steward.system', 'retention', true);
        execute format('alter table %I detach partition %I', place, partition);
        perform set_config('steward.system', context, true);
        execute format('drop table %I', partition);
        return true;
      end $$`);

    // The search path is fixed, temporary tables last, so that no caller can put a table of their own under a name
    // that is used.
    await runner.query(`
      do $$
      declare
        one text;
      begin
        foreach one in array array['close_month(date)', 'reopen_month(date)', 'drop_month(text, date)'] loop
          execute format('alter function %s set search_path = %I, pg_temp', one, current_schema());
          execute format('alter function %s set lock_timeout = ''400ms''', one);
          execute format('revoke execute on function %s from public', one);
        end loop;
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function drop_month(text, date)`);
    await runner.query(`drop function reopen_month(date)`);
    await runner.query(`drop function close_month(date)`);
    await runner.query(`drop function refuse_change_of_closed_month() cascade`);
    await runner.query(`drop function past_partition(text, date)`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How old the oldest snapshot is that vacuum has to respect. The server shows the times of other roles' transactions
 * to their superiors only, so the function that looks runs with the rights of its owner and answers two numbers: no
 * statement of anybody. An owner who is no superuser sees what their own roles have open, replication slots and
 * prepared transactions.
 */
export class ShowOldestSnapshot20261121101500 implements MigrationInterface {
  name = 'ShowOldestSnapshot20261121101500';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function oldest_snapshot(out seconds double precision, out transactions bigint)
      language sql security definer set search_path = pg_catalog, pg_temp
      as $$
        with holder as (
          select xact_start as since, greatest(age(backend_xmin), age(backend_xid)) as transactions
            from pg_stat_activity
           where (datname = current_database() or datname is null) and pid <> pg_backend_pid()
             and coalesce(backend_xmin, backend_xid) is not null and backend_type <> 'autovacuum worker'
          union all
          select prepared, age(transaction) from pg_prepared_xacts where database = current_database()
          union all
          select null, greatest(age(xmin), age(catalog_xmin)) from pg_replication_slots)
        select coalesce(extract(epoch from clock_timestamp() - min(since)), 0)::double precision,
               coalesce(max(transactions), 0)::bigint
          from holder
      $$`);
    // Who may call it is granted one by one.
    await runner.query(`revoke execute on function oldest_snapshot() from public`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function oldest_snapshot()`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The application may not create tables, but keeps the months ahead: the function that makes them runs with the
 * rights of its owner. Its search path is fixed, temporary tables last, so that no caller can put a table of their
 * own under a name it uses.
 */
export class MakePartitionsForOthers20261121095200 implements MigrationInterface {
  name = 'MakePartitionsForOthers20261121095200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      do $$ begin
        execute format('alter function ensure_month_partitions(integer) security definer set search_path = %I, pg_temp',
          current_schema());
      end $$`);
    // Who may call it is granted one by one.
    await runner.query(`revoke execute on function ensure_month_partitions(integer) from public`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`grant execute on function ensure_month_partitions(integer) to public`);
    await runner.query(`alter function ensure_month_partitions(integer) security invoker reset search_path`);
  }
}

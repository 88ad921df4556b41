import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What every later table leans on: the shared updated_at trigger (C9), and month partitions by UUIDv7 id with
 * UTC bounds (C6, rule 8). Partitioning by id keeps `primary key (id)` and foreign keys legal and lets a lookup
 * by id touch one partition.
 */
export class CreateFoundations20261120090000 implements MigrationInterface {
  name = 'CreateFoundations20261120090000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function set_updated_at() returns trigger language plpgsql as $$
      begin
        new.updated_at := clock_timestamp();
        return new;
      end $$`);

    // One row for ever: names this installation where it shares something, such as a Redis, with others.
    await runner.query(`
      create table installation (
        id uuid primary key default gen_random_uuid(),
        only_row boolean not null default true unique check (only_row),
        created_at timestamptz not null default now()
      )`);
    await runner.query(`insert into installation default values`);

    // The smallest UUIDv7 of an instant: bounds need only its 48 time bits.
    await runner.query(`
      create function uuid_v7_floor(at timestamptz) returns uuid language sql immutable strict as $$
        select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
      $$`);

    // Which tables are partitioned by month, and the storage options of their partitions.
    await runner.query(`
      create table month_partitioned (
        parent text primary key,
        storage text not null default '',
        created_at timestamptz not null default now()
      )`);

    // Makes the current month and the next `ahead` ones; returns the names it made. Safe to run at any time.
    await runner.query(`
      create function ensure_month_partitions(ahead integer default 3) returns setof text language plpgsql as $$
      declare
        entry record;
        month timestamp;
        partition text;
      begin
        perform pg_advisory_xact_lock(7410002);
        for entry in select parent, storage from month_partitioned order by parent loop
          for step in 0..ahead loop
            month := date_trunc('month', now() at time zone 'UTC') + make_interval(months => step);
            partition := entry.parent || to_char(month, '_YYYY_MM');
            continue when to_regclass(quote_ident(partition)) is not null;
            execute format('create table %I partition of %I for values from (%L) to (%L) %s',
              partition, entry.parent,
              uuid_v7_floor(month at time zone 'UTC'),
              uuid_v7_floor((month + interval '1 month') at time zone 'UTC'),
              entry.storage);
            return next partition;
          end loop;
        end loop;
      end $$`);

    // Registers a table: a default partition for ids of no month (imported UUIDv4 keys), then the months.
    await runner.query(`
      create function partition_by_month(parent text, storage text default '') returns void language plpgsql as $$
      begin
        insert into month_partitioned values (parent, storage);
        execute format('create table %I partition of %I default %s', parent || '_default', parent, storage);
        perform ensure_month_partitions();
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function partition_by_month(text, text)`);
    await runner.query(`drop function ensure_month_partitions(integer)`);
    await runner.query(`drop table month_partitioned`);
    await runner.query(`drop function uuid_v7_floor(timestamptz)`);
    await runner.query(`drop table installation`);
    await runner.query(`drop function set_updated_at()`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Events: past-tense records stored in the transaction of what happened and delivered after it committed.
 *
 * Order of delivery is (xid, seq). A reader takes only rows below the snapshot's xmin, so a transaction that
 * commits late can never slip in behind a cursor that has already passed.
 */
export class CreateEvents20261120090300 implements MigrationInterface {
  name = 'CreateEvents20261120090300';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create sequence events_seq`);
    await runner.query(`
      create table events (
        id uuid primary key,
        xid xid8 not null default pg_current_xact_id(),
        seq bigint not null default nextval('events_seq'),
        type text not null check (length(type) between 1 and 100),
        channel text not null check (length(channel) between 1 and 50),
        user_id uuid,
        subject_id uuid,
        data jsonb not null default '{}',
        created_at timestamptz not null default clock_timestamp()
      ) partition by range (id)`);
    await runner.query(`create index events_order_idx on events (xid, seq)`);
    await runner.query(`select partition_by_month('events')`);

    // How far each durable subscriber has read. Locked while a batch is handled: one process at a time.
    await runner.query(`
      create table event_cursors (
        subscriber text primary key,
        xid xid8 not null,
        seq bigint not null,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    await runner.query(
      `create trigger event_cursors_updated_at before update on event_cursors for each row execute function set_updated_at()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table event_cursors`);
    await runner.query(`drop table events`);
    await runner.query(`drop sequence events_seq`);
    await runner.query(`delete from month_partitioned where parent = 'events'`);
  }
}

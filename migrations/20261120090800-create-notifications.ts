import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Notifications of a user (S1-29, S1-30; C17). `event_id` makes one event notify a user once, however often it is delivered. */
export class CreateNotifications20261120090800 implements MigrationInterface {
  name = 'CreateNotifications20261120090800';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table notifications (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        event_id uuid,
        type text not null check (length(type) between 1 and 50),
        title text not null check (length(title) between 1 and 255),
        message text not null,
        data jsonb not null default '{}',
        priority text not null default 'normal' constraint notifications_priority_known
          check (priority in ('low', 'normal', 'high', 'urgent')),
        is_read boolean not null generated always as (read_at is not null) stored,
        is_archived boolean not null default false,
        read_at timestamptz,
        expires_at timestamptz,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint notifications_event_unique unique (user_id, event_id)
      )`);
    await runner.query(`create index notifications_user_id_idx on notifications (user_id, id desc)`);
    await runner.query(
      `create index notifications_unread_idx on notifications (user_id) where read_at is null and not is_archived`,
    );
    await runner.query(
      `create index notifications_expires_at_idx on notifications (expires_at) where expires_at is not null`,
    );
    await runner.query(
      `create trigger notifications_updated_at before update on notifications for each row execute function set_updated_at()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table notifications`);
  }
}

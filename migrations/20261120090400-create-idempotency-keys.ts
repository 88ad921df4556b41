import type { MigrationInterface, QueryRunner } from 'typeorm';

/** First answers of requests that carried an Idempotency-Key, stored in the transaction of their effect. */
export class CreateIdempotencyKeys20261120090400 implements MigrationInterface {
  name = 'CreateIdempotencyKeys20261120090400';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table idempotency_keys (
        user_id uuid not null references users (id) on delete cascade,
        route text not null,
        key text not null check (length(key) between 1 and 255),
        body_hash bytea not null,
        response jsonb not null,
        created_at timestamptz not null default now(),
        primary key (user_id, route, key)
      )`);
    await runner.query(`create index idempotency_keys_created_at_idx on idempotency_keys (created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table idempotency_keys`);
  }
}

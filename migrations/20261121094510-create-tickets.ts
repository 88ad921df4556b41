import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * One-use tickets for streams and downloads (ASVS 14.2.1). Rows live for a minute, so the session or key they were
 * made with is looked at when a ticket is used, and no foreign key to it is kept.
 */
export class CreateTickets20261121094510 implements MigrationInterface {
  name = 'CreateTickets20261121094510';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table tickets (
        ticket_hash bytea primary key check (length(ticket_hash) = 32),
        user_id uuid not null references users (id) on delete cascade,
        session_id uuid,
        api_key_id uuid,
        path text check (length(path) <= 2048),
        expires_at timestamptz not null,
        created_at timestamptz not null default now(),
        check (num_nonnulls(session_id, api_key_id) = 1)
      )`);
    await runner.query(`create index tickets_expires_at_idx on tickets (expires_at)`);
    await runner.query(`select protect_rows('tickets')`);
    await runner.query(`select refuse_rows_of_the_erased('tickets', 'user_id')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table tickets`);
  }
}

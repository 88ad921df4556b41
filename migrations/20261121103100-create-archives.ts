import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Files that hold what was removed from growing tables (S2-41). A file is listed here only after it was read back
 * and found whole, and nothing is removed before it is listed.
 */
export class CreateArchives20261121103100 implements MigrationInterface {
  name = 'CreateArchives20261121103100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table archives (
        id uuid primary key,
        kind text not null constraint archives_kind_known check (kind in ('jobs', 'job-logs')),
        period text not null constraint archives_period_format check (period ~ '^(\\d{4}-\\d{2}|other)$'),
        part integer not null check (part >= 1),
        key text not null unique,
        rows bigint not null check (rows >= 0),
        bytes bigint not null check (bytes >= 0),
        sha256 text not null,
        ended_before timestamptz not null,
        removed_at timestamptz,
        rewrites_due integer not null default 0 check (rewrites_due >= 0),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint archives_once unique (kind, period, part)
      )`);
    await runner.query(
      `create trigger archives_updated_at before update on archives for each row execute function set_updated_at()`,
    );

    // Whose rows a file holds: what has to be written anew when somebody is erased. The key leads to the user first,
    // because that is how it is asked.
    await runner.query(`
      create table archive_people (
        user_id uuid not null references users (id),
        archive_id uuid not null references archives (id) on delete cascade,
        created_at timestamptz not null default now(),
        primary key (user_id, archive_id)
      )`);
    await runner.query(`create index archive_people_archive_id_idx on archive_people (archive_id)`);
    await runner.query(`select protect_rows('archive_people')`);
    await runner.query(`select refuse_rows_of_the_erased('archive_people', 'user_id')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table archive_people`);
    await runner.query(`drop table archives`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which named sets of seed data this database has been given, so that none is given twice. */
export class CreateSeedRuns20261120090900 implements MigrationInterface {
  name = 'CreateSeedRuns20261120090900';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table seed_runs (
        name text primary key check (length(name) between 1 and 100),
        executed_at timestamptz not null default now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table seed_runs`);
  }
}

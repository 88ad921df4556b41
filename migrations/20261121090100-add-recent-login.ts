import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When the person of a session last proved who they are, for what needs a recent login (ASVS 7.5.1). */
export class AddRecentLogin20261121090100 implements MigrationInterface {
  name = 'AddRecentLogin20261121090100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table sessions add authenticated_at timestamptz not null default now()`);
    await runner.query(`update sessions set authenticated_at = created_at`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table sessions drop authenticated_at`);
  }
}

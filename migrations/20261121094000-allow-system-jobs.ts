import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs of Steward itself, such as sending a mail, belong to nobody: only admins see them. */
export class AllowSystemJobs20261121094000 implements MigrationInterface {
  name = 'AllowSystemJobs20261121094000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table jobs alter user_id drop not null`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from jobs where user_id is null`);
    await runner.query(`alter table jobs alter user_id set not null`);
  }
}

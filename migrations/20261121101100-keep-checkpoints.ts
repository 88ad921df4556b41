import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a long job has done so far, written in the transaction that did it: the attempt that follows a crash goes on
 * from there. In no index, and null for nearly all jobs.
 */
export class KeepCheckpoints20261121101100 implements MigrationInterface {
  name = 'KeepCheckpoints20261121101100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table jobs add checkpoint jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table jobs drop checkpoint`);
  }
}

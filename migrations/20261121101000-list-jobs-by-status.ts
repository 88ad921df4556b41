import type { MigrationInterface, QueryRunner } from 'typeorm';

const FAILED = 'completed_at is not null and error is not null';
const CANCELLED = 'cancelled_at is not null';
const PENDING = 'run_at is not null';

/**
 * Lists of jobs by status (S1-17), on moments as every index of jobs (ADR 3): a job that has ended with an error has
 * failed, which a check makes certain. Failed and cancelled ones are few and cost others nothing; pending ones cost
 * two entries when a job is made and none when it is dispatched or ends. Queued and running ones are in
 * `jobs_in_flight_idx`; what is completed is nearly all there is and needs none.
 *
 * Ids rise in all of them, because pages stay full where entries are added at their end, and because a list can then
 * name its place by a comparison of rows. With the type behind the id a list by type passes over other types inside
 * the index, without visiting their rows.
 */
export class ListJobsByStatus20261121101000 implements MigrationInterface {
  name = 'ListJobsByStatus20261121101000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `update jobs set error = 'It gave no reason.' where status = 'failed' and error is null`,
    );
    await runner.query(
      `alter table jobs add constraint jobs_failed_says_why check (status <> 'failed' or error is not null)`,
    );
    await runner.query(`drop index jobs_user_id_idx`);
    await runner.query(`create index jobs_user_id_idx on jobs (user_id, id, type)`);
    await runner.query(`drop index jobs_schedule_id_idx`);
    await runner.query(
      `create index jobs_schedule_id_idx on jobs (schedule_id, id) where schedule_id is not null`,
    );
    for (const [name, moment] of [
      ['failed', FAILED],
      ['cancelled', CANCELLED],
      ['pending', PENDING],
    ] as const) {
      await runner.query(`create index jobs_${name}_idx on jobs (user_id, id, type) where ${moment}`);
      await runner.query(`create index jobs_all_${name}_idx on jobs (id) where ${moment}`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['pending', 'cancelled', 'failed']) {
      await runner.query(`drop index jobs_all_${name}_idx`);
      await runner.query(`drop index jobs_${name}_idx`);
    }
    await runner.query(`drop index jobs_schedule_id_idx`);
    await runner.query(
      `create index jobs_schedule_id_idx on jobs (schedule_id, id desc) where schedule_id is not null`,
    );
    await runner.query(`drop index jobs_user_id_idx`);
    await runner.query(`create index jobs_user_id_idx on jobs (user_id, id desc)`);
    await runner.query(`alter table jobs drop constraint jobs_failed_says_why`);
  }
}

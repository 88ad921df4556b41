import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whose turn it is (ADR 16). A pending job is either due, and then has a `turn` within its queue and priority, or it
 * waits for `run_at`. Jobs of types with limits name the limit they fall under, and are found by it.
 *
 * As before no index mentions the status (ADR 3): `run_at` is set exactly while a job is pending, so a job whose
 * `run_at`, `completed_at` and `cancelled_at` are all null is queued or running: in flight.
 */
export class TakeTurns20261121100000 implements MigrationInterface {
  name = 'TakeTurns20261121100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table jobs add turn bigint, add limit_key text`);
    await runner.query(
      `alter table jobs add constraint jobs_turn_while_pending check (turn is null or status = 'pending')`,
    );
    await runner.query(`drop index jobs_due_idx`);
    await runner.query(`drop index jobs_open_idx`);
    await runner.query(
      `create index jobs_due_idx on jobs (queue, priority, turn, id) where turn is not null and limit_key is null`,
    );
    await runner.query(
      `create index jobs_limited_idx on jobs (type, limit_key, priority, turn, id) where turn is not null and limit_key is not null`,
    );
    await runner.query(
      `create index jobs_later_idx on jobs (run_at, id) where run_at is not null and turn is null`,
    );
    await runner.query(
      `create index jobs_in_flight_idx on jobs (id) where run_at is null and completed_at is null and cancelled_at is null`,
    );
    await runner.query(
      `create index jobs_limited_in_flight_idx on jobs (type, limit_key)
        where limit_key is not null and run_at is null and completed_at is null and cancelled_at is null`,
    );
    await runner.query(`alter table workers add slots integer not null default 0`);
    // How far each lane had come about a second ago, for processes that start later (ADR 16).
    await runner.query(`
      create table job_turns (
        lane text not null,
        priority smallint not null,
        turn bigint not null,
        primary key (lane, priority)
      ) with (fillfactor = 50)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table job_turns`);
    await runner.query(`alter table workers drop slots`);
    await runner.query(`drop index jobs_limited_in_flight_idx`);
    await runner.query(`drop index jobs_in_flight_idx`);
    await runner.query(`drop index jobs_later_idx`);
    await runner.query(`drop index jobs_limited_idx`);
    await runner.query(`drop index jobs_due_idx`);
    await runner.query(`alter table jobs drop constraint jobs_turn_while_pending, drop turn, drop limit_key`);
    await runner.query(
      `create index jobs_due_idx on jobs (queue, priority, run_at, id) where run_at is not null`,
    );
    await runner.query(
      `create index jobs_open_idx on jobs (id) where completed_at is null and cancelled_at is null`,
    );
  }
}

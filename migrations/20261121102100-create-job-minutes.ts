import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What jobs did, minute by minute (S1-42, S1-43, C26). Each process adds to rows of its own, so nobody waits for
 * anybody; after three hours the minutes of all processes become hours, under the zero id. Buckets count by time: the
 * element `i` (from 0) has those from 2^(i/2) ms to below 2^((i+1)/2) ms, the first one everything below.
 */
export class CreateJobMinutes20261121102100 implements MigrationInterface {
  name = 'CreateJobMinutes20261121102100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table job_minutes (
        minute timestamptz not null,
        process_id uuid not null,
        queue text not null,
        type text not null,
        outcome text not null constraint job_minutes_outcome_known check (outcome in ('completed', 'failed', 'cancelled', 'again')),
        error_code text not null default '',
        jobs bigint not null,
        waited bigint not null,
        waited_ms double precision not null,
        waited_max_ms double precision not null,
        waited_buckets bigint[] not null,
        ran bigint not null,
        ran_ms double precision not null,
        ran_max_ms double precision not null,
        ran_buckets bigint[] not null,
        created_at timestamptz not null default clock_timestamp(),
        primary key (minute, process_id, queue, type, outcome, error_code)
      ) with (fillfactor = 70)`);
    await runner.query(`
      create table job_depths (
        minute timestamptz not null,
        queue text not null,
        due bigint not null,
        later bigint not null,
        queued bigint not null,
        running bigint not null,
        oldest_due_at timestamptz,
        took_ms double precision not null,
        created_at timestamptz not null default clock_timestamp(),
        primary key (minute, queue)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table job_depths`);
    await runner.query(`drop table job_minutes`);
  }
}

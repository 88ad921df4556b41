import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What unique jobs and rates are told by (ADR 17): tables of their own, because jobs are partitioned by month and no
 * partitioned table can hold a key that is unique over all of it. Keys are digests, so nothing of a payload is here.
 */
export class LimitJobs20261121102500 implements MigrationInterface {
  name = 'LimitJobs20261121102500';

  async up(runner: QueryRunner): Promise<void> {
    // No foreign key to jobs: their partitions are dropped whole. A key whose job has ended or is gone counts for
    // nothing and is removed in time.
    await runner.query(`
      create table job_keys (
        type text not null,
        key bytea not null check (length(key) = 32),
        user_id uuid references users (id) on delete cascade,
        job_id uuid not null,
        created_at timestamptz not null default clock_timestamp(),
        updated_at timestamptz not null default clock_timestamp(),
        primary key (type, key)
      )`);
    await runner.query(`create index job_keys_user_id_idx on job_keys (user_id)`);
    await runner.query(`create index job_keys_updated_at_idx on job_keys (updated_at)`);
    await runner.query(`select protect_rows('job_keys', 'user_id', true)`);
    await runner.query(`select refuse_rows_of_the_erased('job_keys')`);

    await runner.query(`
      create table job_rates (
        type text not null,
        key bytea not null check (length(key) = 32),
        started_at double precision[] not null,
        started integer[] not null,
        expires_at timestamptz not null,
        created_at timestamptz not null default clock_timestamp(),
        primary key (type, key),
        constraint job_rates_pairs check (cardinality(started_at) = cardinality(started))
      )`);
    await runner.query(`create index job_rates_expires_at_idx on job_rates (expires_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table job_rates`);
    await runner.query(`drop table job_keys`);
  }
}

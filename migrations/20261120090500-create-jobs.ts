import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Jobs, their logs, and the worker processes that run them (S1-14…S1-21; C6, C7, C9, C13, C21).
 *
 * `run_at` is set exactly while a job is pending and `completed_at`/`cancelled_at` exactly when it has ended, so
 * the partial indexes below change only at those moments and the moves in between stay HOT. `updated_at` is
 * written by the statements themselves: a row trigger on this table costs more than the whole move.
 */
export class CreateJobs20261120090500 implements MigrationInterface {
  name = 'CreateJobs20261120090500';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table workers (
        id uuid primary key,
        hostname text not null,
        pid integer not null,
        queues text[] not null default '{}',
        started_at timestamptz not null default now(),
        beat_at timestamptz not null default now(),
        created_at timestamptz not null default now()
      )`);

    await runner.query(`
      create table jobs (
        id uuid primary key,
        user_id uuid not null references users (id),
        type text not null constraint jobs_type_format check (type ~ '^[a-z][a-z0-9-]{0,49}$'),
        queue text not null,
        status text not null default 'pending' constraint jobs_status_known
          check (status in ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled')),
        priority smallint not null default 5 constraint jobs_priority_range check (priority between 1 and 10),
        progress smallint not null default 0 constraint jobs_progress_range check (progress between 0 and 100),
        progress_detail jsonb,
        payload jsonb not null,
        result jsonb,
        error text,
        error_code text,
        retry_count integer not null default 0,
        max_retries integer not null default 3 check (max_retries between 0 and 100),
        crash_count integer not null default 0,
        timeout_seconds integer check (timeout_seconds between 1 and 604800),
        scheduled_for timestamptz,
        schedule_id uuid,
        request_id text,
        run_at timestamptz,
        dispatch_no integer not null default 0,
        dispatched_at timestamptz,
        lease_epoch integer not null default 0,
        worker_id uuid,
        cancel_requested_at timestamptz,
        started_at timestamptz,
        completed_at timestamptz,
        cancelled_at timestamptz,
        created_at timestamptz not null default clock_timestamp(),
        updated_at timestamptz not null default clock_timestamp(),
        constraint jobs_run_at_while_pending check ((status = 'pending') = (run_at is not null)),
        constraint jobs_ended check ((status in ('completed', 'failed')) = (completed_at is not null)
          and (status = 'cancelled') = (cancelled_at is not null)),
        constraint jobs_dates check (coalesce(started_at, created_at) >= created_at
          and coalesce(completed_at, cancelled_at, started_at, created_at) >= coalesce(started_at, created_at))
      ) partition by range (id)`);
    await runner.query(`create index jobs_user_id_idx on jobs (user_id, id desc)`);
    await runner.query(
      `create index jobs_due_idx on jobs (queue, priority, run_at, id) where run_at is not null`,
    );
    await runner.query(
      `create index jobs_open_idx on jobs (id) where completed_at is null and cancelled_at is null`,
    );
    await runner.query(
      `create index jobs_schedule_id_idx on jobs (schedule_id, id desc) where schedule_id is not null`,
    );
    // Overlap is asked about at every slot: without it, the answer would cost the schedule's whole history.
    await runner.query(
      `create index jobs_schedule_open_idx on jobs (schedule_id)
        where schedule_id is not null and completed_at is null and cancelled_at is null`,
    );
    await runner.query(`select partition_by_month('jobs', 'with (fillfactor = 60)')`);

    await runner.query(`
      create table job_logs (
        id uuid primary key,
        job_id uuid not null references jobs (id) on delete cascade,
        level text not null constraint job_logs_level_known check (level in ('debug', 'info', 'warning', 'error', 'fatal')),
        message text not null,
        details jsonb,
        created_at timestamptz not null default clock_timestamp()
      ) partition by range (id)`);
    await runner.query(`create index job_logs_job_id_idx on job_logs (job_id, id)`);
    await runner.query(`select partition_by_month('job_logs')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table job_logs`);
    await runner.query(`drop table jobs`);
    await runner.query(`drop table workers`);
    await runner.query(`delete from month_partitioned where parent in ('jobs', 'job_logs')`);
  }
}

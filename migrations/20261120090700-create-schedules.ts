import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Schedule rules and the ledger of their slots (S1-25…S1-27, C15, C16). */
export class CreateSchedules20261120090700 implements MigrationInterface {
  name = 'CreateSchedules20261120090700';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table schedule_rules (
        id uuid primary key,
        user_id uuid not null references users (id),
        name text not null check (length(name) between 1 and 255),
        description text check (length(description) <= 4000),
        is_active boolean not null default true,
        rule_type text not null,
        cron_expression text check (length(cron_expression) <= 100),
        interval_seconds integer,
        run_at timestamptz,
        timezone text not null default 'UTC',
        dst_policy jsonb not null,
        overlap_policy text not null default 'skip' constraint schedule_rules_overlap_known check (overlap_policy in ('allow', 'skip')),
        missed_policy text not null default 'run_once' constraint schedule_rules_missed_known
          check (missed_policy in ('skip', 'run_once', 'run_all')),
        jitter_seconds integer not null default 0 check (jitter_seconds between 0 and 86400),
        starts_at timestamptz,
        ends_at timestamptz,
        max_runs integer check (max_runs >= 1),
        run_count integer not null default 0,
        job_template jsonb not null,
        anchor_at timestamptz not null default now(),
        last_run_at timestamptz,
        next_run_at timestamptz,
        paused_note text check (length(paused_note) <= 1000),
        paused_until timestamptz,
        paused_by uuid,
        last_error text,
        version integer not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint schedule_rules_timing check (
          (rule_type = 'cron' and cron_expression is not null)
          or (rule_type = 'interval' and interval_seconds >= 1)
          or (rule_type = 'once' and run_at is not null)),
        constraint schedule_rules_window check (ends_at is null or starts_at is null or ends_at >= starts_at)
      )`);
    await runner.query(`create index schedule_rules_user_id_idx on schedule_rules (user_id, id desc)`);
    await runner.query(
      `create index schedule_rules_due_idx on schedule_rules (next_run_at) where is_active and next_run_at is not null`,
    );
    await runner.query(
      `create index schedule_rules_paused_until_idx on schedule_rules (paused_until) where paused_until is not null`,
    );
    await runner.query(
      `create trigger schedule_rules_updated_at before update on schedule_rules for each row execute function set_updated_at()`,
    );

    // The unique key is what makes a slot impossible to fire twice, whoever ticks (flow B).
    await runner.query(`
      create table schedule_slots (
        id uuid primary key,
        rule_id uuid not null references schedule_rules (id) on delete cascade,
        scheduled_for timestamptz not null,
        outcome text not null constraint schedule_slots_outcome_known
          check (outcome in ('fired', 'skipped_overlap', 'skipped_missed', 'paused', 'excluded', 'failed')),
        cause text not null default 'schedule' check (cause in ('schedule', 'manual')),
        reason text,
        job_id uuid,
        created_at timestamptz not null default clock_timestamp(),
        constraint schedule_slots_instant_unique unique (rule_id, scheduled_for)
      )`);
    await runner.query(`create index schedule_slots_rule_id_idx on schedule_slots (rule_id, id desc)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table schedule_slots`);
    await runner.query(`drop table schedule_rules`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Days on which a rule does not run, slots that wait, catching up within bounds, pausing after failures, and what
 * planning anew needs to know (S1-25, C16).
 */
export class WidenSchedules20261122090000 implements MigrationInterface {
  name = 'WidenSchedules20261122090000';

  async up(runner: QueryRunner): Promise<void> {
    // Named sets of days that several rules of one owner leave out.
    await runner.query(`
      create table schedule_calendars (
        id uuid primary key,
        user_id uuid not null references users (id),
        name text not null check (length(name) between 1 and 255),
        description text check (length(description) <= 4000),
        dates text[] not null default '{}',
        weekdays text[] not null default '{}',
        version integer not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint schedule_calendars_name_unique unique (user_id, name)
      )`);
    await runner.query(
      `create index schedule_calendars_user_id_idx on schedule_calendars (user_id, id desc)`,
    );
    await runner.query(
      `create trigger schedule_calendars_updated_at before update on schedule_calendars for each row execute function set_updated_at()`,
    );
    await runner.query(`select protect_rows('schedule_calendars', 'user_id', true)`);
    await runner.query(`select refuse_rows_of_the_erased('schedule_calendars', 'user_id')`);

    await runner.query(`
      alter table schedule_rules
        drop constraint schedule_rules_overlap_known,
        add constraint schedule_rules_overlap_known
          check (overlap_policy in ('allow', 'skip', 'queue_one', 'cancel_previous')),
        add column exclusions jsonb not null default '{"dates": [], "weekdays": []}',
        add column calendar_ids uuid[] not null default '{}',
        add column missed_max integer not null default 1000 check (missed_max between 1 and 1000),
        add column missed_spacing_seconds integer not null default 0 check (missed_spacing_seconds between 0 and 86400),
        add column pause_after_failures integer check (pause_after_failures between 1 and 1000),
        add column failure_streak integer not null default 0 check (failure_streak >= 0),
        add column planned_to timestamptz,
        add column tz_version text,
        add column look_at timestamptz,
        add column catch_up_at timestamptz`);
    // Everything planned up to here is in the ledger: the last tick or edit has touched the row, and what it left
    // to do begins with the cursor. Without the trigger, which would call every rule changed today.
    await runner.query(`alter table schedule_rules disable trigger schedule_rules_updated_at`);
    await runner.query(
      `update schedule_rules set planned_to = least(updated_at, next_run_at - interval '1 millisecond')`,
    );
    await runner.query(`alter table schedule_rules enable trigger schedule_rules_updated_at`);
    await runner.query(
      `alter table schedule_rules alter planned_to set default now(), alter planned_to set not null`,
    );
    await runner.query(
      `create index schedule_rules_look_at_idx on schedule_rules (look_at) where look_at is not null`,
    );
    // Few rules have any, and a tick that moves the cursor of another one must not pay for it.
    await runner.query(
      `create index schedule_rules_calendar_ids_idx on schedule_rules using gin (calendar_ids) where calendar_ids <> '{}'`,
    );

    await runner.query(`
      alter table schedule_slots
        drop constraint schedule_slots_outcome_known,
        add constraint schedule_slots_outcome_known
          check (outcome in ('fired', 'waiting', 'skipped_overlap', 'skipped_missed', 'paused', 'excluded', 'failed')),
        drop constraint schedule_slots_cause_check,
        add constraint schedule_slots_cause_known check (cause in ('schedule', 'catch_up', 'manual', 'backfill')),
        add column due_at timestamptz,
        add column decided_at timestamptz`);
    await runner.query(`update schedule_slots set decided_at = created_at`);
    await runner.query(`
      alter table schedule_slots
        alter decided_at set default clock_timestamp(),
        add constraint schedule_slots_undecided check ((outcome = 'waiting') = (decided_at is null))`);
    await runner.query(
      `create index schedule_slots_waiting_idx on schedule_slots (rule_id, scheduled_for) where outcome = 'waiting'`,
    );
    // At most one slot of a rule waits for the job before it, whoever plans.
    await runner.query(
      `create unique index schedule_slots_one_waits on schedule_slots (rule_id) where outcome = 'waiting' and reason = 'previous_job'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index schedule_slots_one_waits, schedule_slots_waiting_idx`);
    // What waits has no word in the older schema; none of it has made a job.
    await runner.query(
      `update schedule_slots set outcome = 'skipped_overlap', decided_at = clock_timestamp() where outcome = 'waiting'`,
    );
    await runner.query(
      `update schedule_slots set cause = 'schedule' where cause in ('catch_up', 'backfill')`,
    );
    await runner.query(`
      alter table schedule_slots
        drop constraint schedule_slots_undecided,
        drop column decided_at, drop column due_at,
        drop constraint schedule_slots_cause_known,
        add constraint schedule_slots_cause_check check (cause in ('schedule', 'manual')),
        drop constraint schedule_slots_outcome_known,
        add constraint schedule_slots_outcome_known
          check (outcome in ('fired', 'skipped_overlap', 'skipped_missed', 'paused', 'excluded', 'failed'))`);
    await runner.query(`drop index schedule_rules_calendar_ids_idx, schedule_rules_look_at_idx`);
    await runner.query(
      `update schedule_rules set overlap_policy = 'skip' where overlap_policy in ('queue_one', 'cancel_previous')`,
    );
    await runner.query(`
      alter table schedule_rules
        drop column exclusions, drop column calendar_ids, drop column missed_max, drop column missed_spacing_seconds,
        drop column pause_after_failures, drop column failure_streak, drop column planned_to, drop column tz_version,
        drop column look_at, drop column catch_up_at,
        drop constraint schedule_rules_overlap_known,
        add constraint schedule_rules_overlap_known check (overlap_policy in ('allow', 'skip'))`);
    await runner.query(`drop table schedule_calendars`);
  }
}

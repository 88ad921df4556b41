import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How a user wants things to be: one row each, made by the first change (S1-28, S2-15; C14). */
export class CreateUserPreferences20261121092000 implements MigrationInterface {
  name = 'CreateUserPreferences20261121092000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table user_preferences (
        id uuid primary key,
        user_id uuid not null constraint user_preferences_user_id_unique unique references users (id) on delete cascade,
        theme text not null default 'light' check (theme in ('light', 'dark', 'system')),
        language text not null default 'en' check (length(language) between 2 and 35),
        timezone text not null default 'UTC' check (length(timezone) between 1 and 64),
        notifications jsonb not null default '{}' check (jsonb_typeof(notifications) = 'object'),
        ui_settings jsonb not null default '{}' check (jsonb_typeof(ui_settings) = 'object'),
        api_settings jsonb not null default '{}' check (jsonb_typeof(api_settings) = 'object'),
        preferences jsonb not null default '{}' check (jsonb_typeof(preferences) = 'object'),
        version integer not null default 0,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    await runner.query(
      `create trigger user_preferences_updated_at before update on user_preferences for each row execute function set_updated_at()`,
    );
    await runner.query(`select protect_rows('user_preferences')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table user_preferences`);
  }
}

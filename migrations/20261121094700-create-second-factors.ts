import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Second factors and the codes that stand in for a lost one. */
export class CreateSecondFactors20261121094700 implements MigrationInterface {
  name = 'CreateSecondFactors20261121094700';

  async up(runner: QueryRunner): Promise<void> {
    // The secret is sealed for its user. `last_used_step` makes a code count once, `wrong_codes_at` are the last five
    // wrong ones: in the row, so that they hold for every process and across restarts.
    await runner.query(`
      create table second_factors (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        kind text not null constraint second_factors_kind_known check (kind in ('totp')),
        sealed_secret bytea not null,
        confirmed_at timestamptz,
        last_used_step integer,
        wrong_codes_at timestamptz[] not null default '{}',
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`);
    // One that counts and one that is being set up; the second takes the place of the first when it is confirmed.
    await runner.query(
      `create unique index second_factors_one_confirmed on second_factors (user_id, kind) where confirmed_at is not null`,
    );
    await runner.query(
      `create unique index second_factors_one_pending on second_factors (user_id, kind) where confirmed_at is null`,
    );
    await runner.query(
      `create trigger second_factors_updated_at before update on second_factors for each row execute function set_updated_at()`,
    );
    await runner.query(`select protect_rows('second_factors')`);
    await runner.query(`select refuse_rows_of_the_erased('second_factors')`);

    await runner.query(`
      create table recovery_codes (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        code_hash bytea not null check (length(code_hash) = 32),
        used_at timestamptz,
        created_at timestamptz not null default now(),
        constraint recovery_codes_hash_unique unique (user_id, code_hash)
      )`);
    await runner.query(`select protect_rows('recovery_codes')`);
    await runner.query(`select refuse_rows_of_the_erased('recovery_codes')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table recovery_codes`);
    await runner.query(`drop table second_factors`);
  }
}

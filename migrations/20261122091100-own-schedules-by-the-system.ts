import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Schedules of Steward itself, such as the daily cleanup. They have no owner but a key, which is the same in every
 * release: whoever starts first makes the rule, and what admins change of it stays.
 */
export class OwnSchedulesByTheSystem20261122091100 implements MigrationInterface {
  name = 'OwnSchedulesByTheSystem20261122091100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table schedule_rules
        alter user_id drop not null,
        add column system_key text constraint schedule_rules_system_key_unique unique
          check (length(system_key) between 1 and 50),
        add constraint schedule_rules_owner check ((user_id is null) = (system_key is not null))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from schedule_rules where user_id is null`);
    await runner.query(`
      alter table schedule_rules
        drop constraint schedule_rules_owner,
        drop column system_key,
        alter user_id set not null`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who turns due schedules into jobs, and when nobody did: the beats of the schedulers, and the times in which schedules
 * were late.
 */
export class WatchSchedulers20261122091000 implements MigrationInterface {
  name = 'WatchSchedulers20261122091000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table schedulers (
        id uuid primary key,
        hostname text not null,
        pid integer not null,
        started_at timestamptz not null default now(),
        beat_at timestamptz not null default now(),
        created_at timestamptz not null default now()
      )`);
    await runner.query(`
      create table schedule_incidents (
        id uuid primary key,
        reason text not null,
        began_at timestamptz not null default now(),
        ended_at timestamptz,
        created_at timestamptz not null default now()
      )`);
    // One at a time, whoever of many processes sees it first: that is what tells admins of it once.
    await runner.query(
      `create unique index schedule_incidents_one_open on schedule_incidents ((ended_at is null)) where ended_at is null`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table schedule_incidents, schedulers`);
  }
}

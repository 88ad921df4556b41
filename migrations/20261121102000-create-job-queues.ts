import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Paused queues: a row is there exactly while its queue is paused.
 *
 * `queue_is_open` is the one word on whether jobs of a queue may be dispatched, to be asked inside the statement that
 * dispatches them, as `(select queue_is_open(…))`. A pause holds the advisory lock alone and a dispatch shares it until
 * it commits, so a dispatch either has committed before the pause takes its jobs back or sees the pause. Hence a volatile
 * function: after it has the lock it looks anew, while the statement around it still sees what was there when it began.
 */
export class CreateJobQueues20261121102000 implements MigrationInterface {
  name = 'CreateJobQueues20261121102000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table job_queues (
        name text primary key,
        paused_at timestamptz not null default clock_timestamp(),
        paused_by uuid references users (id),
        note text,
        paused_until timestamptz,
        created_at timestamptz not null default clock_timestamp()
      )`);
    await runner.query(`select refuse_rows_of_the_erased('job_queues', 'paused_by')`);

    const [{ schema }] = (await runner.query(`select quote_ident(current_schema()) as schema`)) as [
      { schema: string },
    ];
    await runner.query(`
      create function queue_is_open(queue text) returns boolean language plpgsql volatile as $$
      begin
        -- Somebody is pausing or resuming it at this moment: whoever it is wakes the dispatchers afterwards.
        if not pg_try_advisory_xact_lock_shared(7410020, hashtext(queue)) then
          return false;
        end if;
        return not exists (
          select from ${schema}.job_queues q
           where q.name = queue and (q.paused_until is null or q.paused_until > clock_timestamp()));
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function queue_is_open(text)`);
    await runner.query(`drop table job_queues`);
  }
}

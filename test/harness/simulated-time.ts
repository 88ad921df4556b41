import type pg from 'pg';
import { withClient } from '../../bench/with-client.js';

/**
 * The clock of one database, in the hands of a test. Statements say `now()` and `clock_timestamp()` without a schema;
 * in this database alone the search path names a schema with functions of that name before PostgreSQL's own. So
 * nothing in the application knows of it, and no setting of the application can turn it on: whoever could do it in
 * production owns the database.
 *
 * As in PostgreSQL, `now()` stands still within a transaction. What columns take by default was bound when they were
 * made and stays real.
 */
export async function simulateTime(url: string, at: Date): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await withClient(url, async (client) => {
    await client.query(`
      create schema simulated;
      grant usage on schema simulated to public;
      create table simulated.clock (at timestamptz not null);
      grant select on simulated.clock to public;
      create function simulated.clock_timestamp() returns timestamptz language sql stable
        as $$ select at from simulated.clock $$;
      create function simulated.now() returns timestamptz language plpgsql stable as $$
      declare
        kept text := current_setting('simulated.now', true);
      begin
        if kept is null or kept = '' then
          kept := (select at from simulated.clock)::text;
          perform set_config('simulated.now', kept, true);
        end if;
        return kept::timestamptz;
      end $$`);
    await client.query('insert into simulated.clock values ($1)', [at]);
    await client.query(`alter database "${name}" set search_path = public, simulated, pg_catalog`);
  });
}

/** For every transaction that begins from now on. */
export async function setTime(client: pg.Pool | pg.Client, at: Date): Promise<void> {
  await client.query('update simulated.clock set at = $1', [at]);
}

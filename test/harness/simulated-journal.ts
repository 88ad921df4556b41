import type pg from 'pg';

/** Something that was written about a rule, as it was committed. Times in epoch ms. */
export interface Entry {
  readonly rule: string;
  /** The transaction, and the time of the clock at which it began. */
  readonly tx: string;
  readonly began: number;
  /** What the clock showed when it was written. */
  readonly at: number;
  readonly kind: 'tick' | 'cursor' | 'slot' | 'job';
  /** Of a tick: where the cursor stands then, and when what waits is to be looked at. */
  readonly cursor: number | null;
  readonly look: number | null;
  /** Of a slot. */
  readonly instant: number | null;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly cause: string | null;
  readonly due: number | null;
  /** Of a slot that made one, and of a job. */
  readonly job: string | null;
  readonly status: string | null;
  readonly asked: boolean | null;
}

/**
 * A witness in a database whose time is simulated: triggers note each move of a rule, its slots and its jobs. What is
 * undone leaves no note. All but the ends of jobs happens under the lock of the rule, and `SimulatedWork` takes it for
 * these, so that the notes about one rule stand in the order in which they were committed.
 *
 * A note `cursor` is one of the cursor alone, without a slot: of a tick that has found nothing to plan, or of planning
 * anew. Ringing is not noted.
 */
export async function keepJournal(client: pg.Pool | pg.Client): Promise<void> {
  await client.query(`
    create table simulated.journal (
      number bigint generated always as identity primary key,
      tx xid8 not null, began timestamptz not null, at timestamptz not null,
      rule uuid not null, kind text not null,
      cursor timestamptz, look timestamptz,
      instant timestamptz, outcome text, reason text, cause text, due timestamptz,
      job uuid, status text, asked boolean);
    grant insert on simulated.journal to public;

    create function simulated.note_rule() returns trigger language plpgsql as $$
    declare
      became jsonb := to_jsonb(new) - 'updated_at';
      was jsonb := to_jsonb(old) - 'updated_at';
      is_cursor boolean := became - 'next_run_at' - 'tz_version' = was - 'next_run_at' - 'tz_version' and new.look_at is null;
    begin
      if became - 'look_at' = was - 'look_at' and new.look_at = simulated.now() then
        return null;
      end if;
      insert into simulated.journal (tx, began, at, rule, kind, cursor, look)
      values (pg_current_xact_id(), simulated.now(), simulated.clock_timestamp(), new.id,
              case when is_cursor then 'cursor' else 'tick' end, new.next_run_at, new.look_at);
      return null;
    end $$;
    create trigger note after update on schedule_rules for each row execute function simulated.note_rule();

    create function simulated.note_slot() returns trigger language plpgsql as $$
    begin
      insert into simulated.journal (tx, began, at, rule, kind, instant, outcome, reason, cause, due, job)
      values (pg_current_xact_id(), simulated.now(), simulated.clock_timestamp(), new.rule_id, 'slot',
              new.scheduled_for, new.outcome, new.reason, new.cause, new.due_at, new.job_id);
      return null;
    end $$;
    create trigger note after insert or update on schedule_slots for each row execute function simulated.note_slot();

    create function simulated.note_job() returns trigger language plpgsql as $$
    begin
      insert into simulated.journal (tx, began, at, rule, kind, job, status, asked)
      values (pg_current_xact_id(), simulated.now(), simulated.clock_timestamp(), new.schedule_id, 'job',
              new.id, new.status, new.cancel_requested_at is not null);
      return null;
    end $$;
    create trigger note after insert or update on jobs for each row when (new.schedule_id is not null)
      execute function simulated.note_job()`);
}

/** What was noted about each of these rules, in order. */
export async function readJournal(
  client: pg.Pool | pg.Client,
  rules: readonly string[],
): Promise<Map<string, Entry[]>> {
  const ms = (column: string): string => `extract(epoch from ${column})::float8 * 1000 as ${column}`;
  const { rows } = await client.query<Entry>(
    `select rule, tx::text, ${['began', 'at', 'cursor', 'look', 'instant', 'due'].map(ms).join()},
            kind, outcome, reason, cause, job, status, asked
       from simulated.journal where rule = any ($1::uuid[]) order by number`,
    [rules],
  );
  const entries = new Map<string, Entry[]>(rules.map((rule) => [rule, []]));
  for (const row of rows) entries.get(row.rule)?.push(row);
  return entries;
}

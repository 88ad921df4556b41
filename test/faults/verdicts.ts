import pg from 'pg';
import { MOVES } from '../../src/modules/jobs/engine/job-status.js';
import type { Asked } from './load.js';

/**
 * What the database saw, written down by triggers that the engine knows nothing of: every move of a job, every write
 * that names another attempt than the row does, and the side effects of the handlers.
 */
const RECORDS = `
  create table fault_effects (
    id bigint generated always as identity primary key, job_id uuid not null, lease_epoch integer not null, pid integer not null,
    step text not null, at timestamptz not null default clock_timestamp());
  create index on fault_effects (job_id);
  create table fault_moves (
    id bigint generated always as identity primary key, job_id uuid not null, old_status text, new_status text not null,
    old_epoch integer, new_epoch integer not null, crashed boolean not null, at timestamptz not null default clock_timestamp());
  create index on fault_moves (job_id);
  create table fault_stale (
    job_id uuid not null, named integer not null, holder integer not null, what text not null, at timestamptz not null default clock_timestamp());
  create function fault_record() returns trigger language plpgsql security definer as $$
  begin
    if tg_op = 'INSERT' then
      insert into fault_moves (job_id, new_status, new_epoch, crashed) values (new.id, new.status, new.lease_epoch, false);
      return null;
    end if;
    if old.status <> new.status or old.lease_epoch <> new.lease_epoch then
      insert into fault_moves (job_id, old_status, new_status, old_epoch, new_epoch, crashed)
        values (new.id, old.status, new.status, old.lease_epoch, new.lease_epoch, new.crash_count > old.crash_count);
    end if;
    if (new.result ->> 'epoch')::integer <> new.lease_epoch then
      insert into fault_stale values (new.id, (new.result ->> 'epoch')::integer, new.lease_epoch, 'result');
    end if;
    if new.progress_detail is distinct from old.progress_detail and (new.progress_detail ->> 'epoch')::integer <> new.lease_epoch then
      insert into fault_stale values (new.id, (new.progress_detail ->> 'epoch')::integer, new.lease_epoch, 'progress');
    end if;
    return null;
  end $$;
  create trigger fault_record after insert or update on jobs for each row when (new.type like 'fault-%') execute function fault_record();
  grant all on fault_effects, fault_moves, fault_stale to public`;

export interface Verdict {
  /** Accepted, but there is no such job, or it did not end. */
  readonly lost: number;
  /** Ended as it should not have, moved as it may not, was made twice, or its end was told never or twice. */
  readonly wrong: number;
  readonly staleAccepted: number;
  readonly staleRefused: number;
  /** Side effects of jobs beyond the first. */
  readonly repeated: number;
  /** The first few findings, for people. */
  readonly details: readonly string[];
}

interface Finding {
  readonly kind: string;
  readonly id: string | null;
  readonly what: string;
}

/** Looks at the store itself, beside the cables that the servers use. */
export class Verdicts {
  constructor(private readonly url: string) {}

  async prepare(): Promise<void> {
    await this.query(RECORDS);
  }

  /** How many of these have not ended. */
  async open(asked: readonly Asked[]): Promise<number> {
    const [row] = await this.query<{ open: number }>(
      `select count(*)::integer as open from unnest($1::uuid[]) as asked(id)
         left join jobs using (id) where coalesce(jobs.completed_at, jobs.cancelled_at) is null`,
      [accepted(asked).map(({ id }) => id)],
    );
    return row!.open;
  }

  async judge(asked: readonly Asked[], round: number): Promise<Verdict> {
    const all = accepted(asked);
    const findings = await this.query<Finding>(FINDINGS, [
      all.map(({ id }) => id),
      all.map(({ kind }) => kind),
      all.map(({ cancelAsked }) => cancelAsked),
      round,
      JSON.stringify(Object.values(MOVES)),
    ]);
    const [counts] = await this.query<{ refused: number; repeated: number }>(
      `select count(*) filter (where step = 'refused')::integer as refused,
              (count(*) filter (where step = 'done') - count(distinct job_id) filter (where step = 'done'))::integer as repeated
         from fault_effects join jobs on jobs.id = job_id where (jobs.payload ->> 'round')::integer = $1`,
      [round],
    );
    const count = (kind: string): number => findings.filter((one) => one.kind === kind).length;
    return {
      lost: count('lost'),
      wrong: count('wrong'),
      staleAccepted: count('stale'),
      staleRefused: counts!.refused,
      repeated: counts!.repeated,
      details: findings.slice(0, 20).map(({ kind, id, what }) => `${kind} ${id}: ${what}`),
    };
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.url, query_timeout: 30_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

const accepted = (asked: readonly Asked[]): (Asked & { id: string })[] =>
  asked.filter((one): one is Asked & { id: string } => one.id !== null);

/**
 * $1 ids, $2 kinds, $3 whether a cancel was asked for, $4 the round, $5 the legal moves. An end as `poison` holds when
 * three deaths of a worker are on record; a cancelled job must have been asked for.
 */
const FINDINGS = `
  with asked as (select * from unnest($1::uuid[], $2::text[], $3::boolean[]) as a(id, kind, cancel_asked)),
  mine as (select * from jobs where type like 'fault-%' and (payload ->> 'round')::integer = $4),
  moves as (select m.* from fault_moves m join mine on mine.id = m.job_id),
  legal as (
    select f.value as old_status, t.value as new_status from jsonb_array_elements($5::jsonb) as move,
           jsonb_array_elements_text(move -> 'from') as f, jsonb_array_elements_text(move -> 'to') as t)
  select 'lost' as kind, asked.id, coalesce('is ' || mine.status, 'does not exist') as what
    from asked left join mine using (id) where coalesce(mine.completed_at, mine.cancelled_at) is null
  union all
  select 'wrong', asked.id, format('%s ended as %s %s %s', kind, status, error_code, error)
    from asked join mine using (id)
   where coalesce(completed_at, cancelled_at) is not null and not case status
     when 'completed' then kind <> 'refused'
     when 'cancelled' then cancel_asked
     else (error_code = 'told_to_refuse' and kind = 'refused')
       or (error_code = 'poison' and (select count(*) from moves where moves.job_id = asked.id and crashed) >= 3) end
  union all
  select 'wrong', id, 'completed without its effect' from mine
   where status = 'completed' and not exists
     (select from fault_effects e where e.job_id = mine.id and e.step = 'done' and e.lease_epoch = mine.lease_epoch)
  union all
  select 'wrong', null, format('%s jobs of request %s', count(*), payload ->> 'n') from mine where schedule_id is null
   group by payload ->> 'n' having count(*) > 1
  union all
  select 'wrong', job_id, format('moved from %s to %s, epoch %s to %s', old_status, new_status, old_epoch, new_epoch) from moves
   where old_status is not null and ((old_status, new_status) not in (select old_status, new_status from legal)
      or new_epoch <> old_epoch + case when new_status = 'running' then 1 else 0 end)
  union all
  select 'wrong', mine.id, format('%s events of its end', count(events.id)) from mine
    left join events on events.subject_id = mine.id and events.type in ('job.completed', 'job.failed', 'job.cancelled')
   where coalesce(completed_at, cancelled_at) is not null
   group by mine.id having count(events.id) <> 1
  union all
  select 'wrong', null, format('the slot %s was fired without its job', s.scheduled_for) from schedule_slots s
    left join jobs on jobs.id = s.job_id where s.outcome = 'fired' and jobs.id is null
  union all
  select 'stale', job_id, format('%s of attempt %s under attempt %s', what, named, holder) from fault_stale
    join mine on mine.id = job_id
  union all
  select 'stale', e.job_id, format('effect of attempt %s after attempt %s', e.lease_epoch, m.new_epoch)
    from fault_effects e join moves m on m.job_id = e.job_id and m.new_epoch > e.lease_epoch and m.at < e.at
   where e.step = 'done'`;

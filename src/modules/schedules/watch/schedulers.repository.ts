import { Injectable } from '@nestjs/common';
import { execute, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { LATE_SECONDS, MOST_COUNTED, type SchedulerState } from './judge.js';

/** A scheduler that has been silent for longer is not counted among those alive. */
const ALIVE_SECONDS = 15;

export interface SchedulerIdentity {
  readonly id: string;
  readonly hostname: string;
  readonly pid: number;
}

/** When each rule should be looked at: active ones at their cursor, paused ones when their pause is over, and those with slots that wait. */
const DUE = [
  `select next_run_at as at from schedule_rules where is_active and next_run_at is not null`,
  `select paused_until from schedule_rules where paused_until is not null and not is_active`,
  `select look_at from schedule_rules where look_at is not null`,
];
/** `select min(at)` of it is when the first of them should be: the first entries of three indexes. */
export const FIRST_DUE = DUE.map((due) => `(${due} order by 1 limit 1)`).join(' union all ');
const LATE = DUE.map(
  (due) => `(select from (${due}) as due (at) where at < now() - make_interval(secs => $1) limit $2)`,
).join(' union all ');

/** The scheduler processes, their beats, and the times in which schedules were late. */
@Injectable()
export class SchedulersRepository {
  async beat(read: Read, { id, hostname, pid }: SchedulerIdentity): Promise<void> {
    await execute(
      read,
      `insert into schedulers (id, hostname, pid, beat_at) values ($1, $2, $3, clock_timestamp())
       on conflict (id) do update set beat_at = excluded.beat_at`,
      [id, hostname, pid],
      'schedulers_beat',
    );
  }

  /** The latest beat of all stays, however old: it says since when nobody has looked. */
  async forgetSilent(read: Read, seconds: number): Promise<number> {
    return execute(
      read,
      `delete from schedulers where beat_at < clock_timestamp() - make_interval(secs => $1)
          and beat_at < (select max(beat_at) from schedulers)`,
      [seconds],
    );
  }

  /**
   * A few index look-ups, however many rules there are. A beat that lies ahead, because the clock was set back, counts
   * as that old: the next one of a scheduler that lives puts it right.
   */
  async state(read: Read): Promise<SchedulerState> {
    const row = await queryOne<SchedulerState>(
      read,
      `select s.living, s."silentSeconds", greatest(0, extract(epoch from clock_timestamp() - first.at))::float8 as "oldestSeconds",
              least((select count(*) from (${LATE}) as late), $2)::integer as overdue
         from (select count(*) filter (where beat_at > clock_timestamp() - make_interval(secs => ${ALIVE_SECONDS}))::integer as living,
                      abs(extract(epoch from clock_timestamp() - max(beat_at)))::float8 as "silentSeconds" from schedulers) as s,
              (select min(at) as at from (${FIRST_DUE}) as each) as first`,
      [LATE_SECONDS, MOST_COUNTED],
      'schedulers_state',
    );
    return { ...row!, oldestSeconds: row!.oldestSeconds ?? 0 };
  }

  /** False: one is open already. */
  async open(tx: Tx, id: string, reason: string): Promise<boolean> {
    const opened = await execute(
      tx,
      `insert into schedule_incidents (id, reason) values ($1, $2) on conflict do nothing`,
      [id, reason],
    );
    return opened === 1;
  }

  async isOpen(read: Read): Promise<boolean> {
    return (await queryOne(read, `select 1 from schedule_incidents where ended_at is null`)) !== null;
  }

  /** Null: none was open. */
  async close(tx: Tx): Promise<{ id: string; seconds: number } | null> {
    return queryOne(
      tx,
      `update schedule_incidents set ended_at = greatest(now(), began_at) where ended_at is null
       returning id, extract(epoch from ended_at - began_at)::float8 as seconds`,
    );
  }

  async forgetEnded(read: Read, days: number): Promise<number> {
    return execute(
      read,
      `delete from schedule_incidents where ended_at < now() - make_interval(days => $1)`,
      [days],
    );
  }
}

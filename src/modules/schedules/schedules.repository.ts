import { Injectable } from '@nestjs/common';
import type { QueryDeepPartialEntity } from 'typeorm';
import { LessThan, MoreThan } from 'typeorm';
import {
  entities,
  execute,
  query,
  queryOne,
  type PageRequest,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import { TZ_VERSION } from '../../kernel/time/index.js';
import { ScheduleRuleEntity } from './schedule-rule.entity.js';
import type { NextDue } from './tick-pause.js';
import { LATE_SECONDS } from './watch/judge.js';
import { FIRST_DUE } from './watch/schedulers.repository.js';

type NotOfPeople = 'version' | 'createdAt' | 'updatedAt' | 'overdueSeconds';
export type NewRuleRow = Omit<
  ScheduleRuleEntity,
  | NotOfPeople
  | 'runCount'
  | 'failureStreak'
  | 'lastRunAt'
  | 'lastError'
  | 'lookAt'
  | 'catchUpAt'
  | 'pausedUntil'
  | 'pausedBy'
  | 'pausedNote'
>;
export type RuleChanges = Partial<
  Omit<ScheduleRuleEntity, NotOfPeople | 'id' | 'userId' | 'systemKey' | 'anchorAt'>
>;

/** What a tick writes: never a person's field, so it leaves the version as it is. */
export type RuleAdvance = Partial<
  Pick<
    ScheduleRuleEntity,
    | 'nextRunAt'
    | 'plannedTo'
    | 'tzVersion'
    | 'lookAt'
    | 'catchUpAt'
    | 'lastRunAt'
    | 'runCount'
    | 'failureStreak'
    | 'lastError'
    | 'isActive'
    | 'pausedNote'
  >
>;

/** How far a rule has come in a tick. */
export interface FiredRule {
  readonly id: string;
  readonly nextRunAt: Date | null;
  /** The last planned instant that is in the ledger now; null where there was none. */
  readonly plannedTo: Date | null;
  /** Jobs made. */
  readonly runs: number;
}

/** A rule as far as its failures in a row are concerned. */
export type CountedRule = Pick<
  ScheduleRuleEntity,
  'id' | 'userId' | 'name' | 'isActive' | 'failureStreak' | 'pauseAfterFailures'
>;

/** A rule that wants to know how its jobs end. */
export type AttentiveRule = CountedRule & {
  /** Whether slots of it wait. */
  readonly waits: boolean;
};

export interface RuleFilter extends PageRequest {
  /** Undefined: everybody's. */
  readonly userId?: string | undefined;
  readonly isActive?: boolean | undefined;
  /** Only those of Steward itself. */
  readonly system?: 'true' | undefined;
  /** Only those that are late by more than a minute. */
  readonly overdue?: 'true' | undefined;
}

@Injectable()
export class SchedulesRepository {
  /** The database's clock in epoch ms: of this moment, not of the transaction's start. */
  async now(read: Read): Promise<number> {
    return this.instant(read, 'clock_timestamp()');
  }

  /** The instant at which the transaction began: the one that `claimDue` compares with. */
  async startOf(tx: Tx): Promise<number> {
    return this.instant(tx, 'now()');
  }

  private async instant(read: Read, expression: 'now()' | 'clock_timestamp()'): Promise<number> {
    const row = await queryOne<{ at: number }>(
      read,
      `select floor(extract(epoch from ${expression}) * 1000)::float8 as at`,
    );
    return row!.at;
  }

  async find(read: Read, id: string): Promise<ScheduleRuleEntity | null> {
    return entities(read, ScheduleRuleEntity).findOneBy({ id });
  }

  /** Waits for a tick or another person who holds the rule, and keeps both waiting until the transaction ends. */
  async findForUpdate(tx: Tx, id: string): Promise<ScheduleRuleEntity | null> {
    return entities(tx, ScheduleRuleEntity).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  }

  /** Newest first, one row more than the limit. */
  async page(read: Read, filter: RuleFilter): Promise<ScheduleRuleEntity[]> {
    const builder = entities(read, ScheduleRuleEntity)
      .createQueryBuilder('rule')
      .orderBy('rule.id', 'DESC')
      .limit(filter.limit + 1);
    if (filter.cursor !== undefined) builder.andWhere({ id: LessThan(filter.cursor) });
    if (filter.userId !== undefined) builder.andWhere({ userId: filter.userId });
    if (filter.isActive !== undefined) builder.andWhere({ isActive: filter.isActive });
    if (filter.system !== undefined) builder.andWhere('rule.systemKey is not null');
    if (filter.overdue !== undefined)
      builder.andWhere(`rule.isActive and rule.nextRunAt < now() - make_interval(secs => ${LATE_SECONDS})`);
    return builder.getMany();
  }

  async insert(tx: Tx, row: NewRuleRow): Promise<void> {
    await entities(tx, ScheduleRuleEntity).insert(columns(row));
  }

  /** False: there is one with this key. */
  async insertSystem(tx: Tx, row: NewRuleRow): Promise<boolean> {
    const { raw } = await entities(tx, ScheduleRuleEntity)
      .createQueryBuilder()
      .insert()
      .values(columns(row))
      .orIgnore()
      .returning('id')
      .execute();
    return (raw as unknown[]).length === 1;
  }

  /** Held until the transaction ends. */
  async findSystem(tx: Tx, systemKey: string): Promise<ScheduleRuleEntity | null> {
    return entities(tx, ScheduleRuleEntity).findOne({
      where: { systemKey },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** What a release brings along; no edit by a person. */
  async follow(tx: Tx, id: string, changes: RuleChanges): Promise<void> {
    await entities(tx, ScheduleRuleEntity).update({ id }, columns(changes));
  }

  /** An edit by a person, of a rule that this transaction holds. */
  async update(tx: Tx, id: string, changes: RuleChanges): Promise<void> {
    await entities(tx, ScheduleRuleEntity).update(
      { id },
      { ...columns(changes), version: () => 'version + 1' },
    );
  }

  async delete(tx: Tx, id: string): Promise<void> {
    await entities(tx, ScheduleRuleEntity).delete({ id });
  }

  /**
   * When the next rule is to be looked at, or the oldest one should have been; null when nothing is to come. The first
   * entries of three indexes, however many rules there are.
   */
  async nextDue(read: Read): Promise<NextDue | null> {
    const row = await queryOne<{ at: number | null; wait: number | null }>(
      read,
      `select extract(epoch from due.at)::float8 * 1000 as at,
              extract(epoch from due.at - clock_timestamp())::float8 * 1000 as wait
         from (select min(at) as at from (${FIRST_DUE}) as first) as due`,
      [],
      'schedule_rules_next_due',
    );
    if (!row || row.at === null || row.wait === null) return null;
    return { at: row.at, wait: row.wait };
  }

  /** Due rules, the longest due first, held until the transaction ends; those that others hold are left to them. */
  async claimDue(tx: Tx, limit: number): Promise<ScheduleRuleEntity[]> {
    return entities(tx, ScheduleRuleEntity)
      .createQueryBuilder('rule')
      .where('rule.isActive and rule.nextRunAt is not null and rule.nextRunAt <= now()')
      .orderBy('rule.nextRunAt')
      .limit(limit)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
  }

  /** The same of rules with slots that wait and are to be looked at; also of paused ones, for what is filled up by hand. */
  async claimLooks(tx: Tx, limit: number): Promise<ScheduleRuleEntity[]> {
    return entities(tx, ScheduleRuleEntity)
      .createQueryBuilder('rule')
      .where('rule.lookAt is not null and rule.lookAt <= now()')
      .orderBy('rule.lookAt')
      .limit(limit)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
  }

  /** Rules behind `after`, in the order of their ids, whose next instant follows from older tz data; held. */
  async claimOlder(tx: Tx, version: string, after: string, limit: number): Promise<ScheduleRuleEntity[]> {
    return entities(tx, ScheduleRuleEntity)
      .createQueryBuilder('rule')
      .where({ id: MoreThan(after), ruleType: 'cron' })
      .andWhere('rule.nextRunAt is not null')
      .andWhere('(rule.tzVersion is null or rule.tzVersion collate "C" < :version)', { version })
      .orderBy('rule.id')
      .limit(limit)
      .setLock('pessimistic_write')
      .getMany();
  }

  /**
   * Of these rules those to whom it matters that a job has ended, held until the transaction ends. In two statements:
   * what a tick that held a rule until now has written is seen only by the second one.
   */
  async lockAttentive(tx: Tx, ids: readonly string[]): Promise<AttentiveRule[]> {
    const held = await query<{ id: string }>(
      tx,
      `select id from schedule_rules
        where id = any ($1::uuid[])
          and (overlap_policy in ('queue_one', 'cancel_previous') or pause_after_failures is not null or look_at is not null)
        order by id for update`,
      [ids],
    );
    if (held.length === 0) return [];
    return query<AttentiveRule>(
      tx,
      `select id, user_id as "userId", name, is_active as "isActive", failure_streak as "failureStreak",
              pause_after_failures as "pauseAfterFailures", look_at is not null as waits
         from schedule_rules where id = any ($1::uuid[]) order by id`,
      [held.map(({ id }) => id)],
    );
  }

  /** Their waiting slots are looked at with the next tick. */
  async ring(tx: Tx, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await execute(
      tx,
      `update schedule_rules set look_at = now() where id = any ($1::uuid[]) and look_at > now()`,
      [ids],
    );
  }

  /** `advance` for many rules whose slots have been decided, in one statement. */
  async advanceFired(tx: Tx, rules: readonly FiredRule[], now: Date): Promise<void> {
    if (rules.length === 0) return;
    await execute(
      tx,
      `update schedule_rules r
          set next_run_at = n.next_run_at, planned_to = greatest(r.planned_to, n.planned_to), tz_version = $5,
              run_count = r.run_count + n.runs,
              last_run_at = case when n.runs > 0 then $6 else r.last_run_at end,
              last_error = case when n.runs > 0 then null else r.last_error end
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::integer[]) as n(id, next_run_at, planned_to, runs)
        where r.id = any ($1) and r.id = n.id`,
      [
        rules.map((rule) => rule.id),
        rules.map((rule) => rule.nextRunAt),
        rules.map((rule) => rule.plannedTo),
        rules.map((rule) => rule.runs),
        TZ_VERSION,
        now,
      ],
      'schedule_rules_advance_fired',
    );
  }

  async advance(tx: Tx, id: string, changes: RuleAdvance): Promise<void> {
    await entities(tx, ScheduleRuleEntity).update({ id }, columns(changes));
  }

  /** Ends pauses whose time is over; `next_run_at` has pointed behind them since they began. Ids of the rules. */
  async resumePaused(tx: Tx, limit: number): Promise<string[]> {
    const rows = await query<{ id: string }>(
      tx,
      `with over as (
         select id from schedule_rules where paused_until <= now() and not is_active
          order by paused_until limit $1 for update skip locked)
       update schedule_rules r set is_active = true, paused_note = null, paused_until = null, paused_by = null, failure_streak = 0
         from over where r.id = over.id
       returning r.id`,
      [limit],
    );
    return rows.map((row) => row.id);
  }

  /** What follows can be undone alone, without losing what the transaction did before. */
  async savepoint(tx: Tx): Promise<void> {
    await execute(tx, 'savepoint rule');
  }

  async releaseSavepoint(tx: Tx): Promise<void> {
    await execute(tx, 'release savepoint rule');
  }

  async rollbackToSavepoint(tx: Tx): Promise<void> {
    await execute(tx, 'rollback to savepoint rule');
    await execute(tx, 'release savepoint rule');
  }
}

/** TypeORM's type takes free JSON for an embedded entity, which no value of a JSON column can satisfy. */
const columns = (row: RuleChanges): QueryDeepPartialEntity<ScheduleRuleEntity> =>
  row as QueryDeepPartialEntity<ScheduleRuleEntity>;

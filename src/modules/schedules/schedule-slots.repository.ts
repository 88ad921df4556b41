import { Injectable } from '@nestjs/common';
import { LessThan } from 'typeorm';
import {
  entities,
  execute,
  newId,
  query,
  queryOne,
  type PageRequest,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import type { WaitsFor } from './core/index.js';
import { ScheduleSlotEntity, type SlotCause, type SlotOutcome } from './schedule-slot.entity.js';

export interface NewSlot {
  /** Epoch ms. */
  readonly scheduledFor: number;
  readonly outcome: SlotOutcome;
  /** `schedule` when absent. */
  readonly cause?: SlotCause;
  readonly reason?: string | null;
  /** Epoch ms. */
  readonly dueAt?: number;
}

export interface WrittenSlot {
  readonly id: string;
  /** Epoch ms. */
  readonly scheduledFor: number;
  readonly outcome: SlotOutcome;
  readonly cause: SlotCause;
}

export interface WaitingSlot {
  readonly id: string;
  /** Epoch ms. */
  readonly scheduledFor: number;
  readonly cause: SlotCause;
  readonly waitsFor: Exclude<WaitsFor, null>;
}

export interface SlotEnd {
  readonly id: string;
  readonly outcome: SlotOutcome;
  readonly reason: string | null;
  readonly jobId: string | null;
}

/** A slot with what became of it. */
export interface DecidedSlot extends NewSlot {
  readonly id: string;
  readonly ruleId: string;
  readonly jobId: string | null;
}

export interface SlotFilter extends PageRequest {
  readonly outcome?: SlotOutcome | undefined;
  readonly cause?: SlotCause | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

const SCHEDULED_FOR = `extract(epoch from scheduled_for)::float8 * 1000 as "scheduledFor"`;

const READY = `rule_id = $1 and outcome = 'waiting' and (reason <> 'spacing' or due_at <= now())`;

/** The ledger. */
@Injectable()
export class ScheduleSlotsRepository {
  /**
   * Writes the slots that are not in the ledger yet and answers these, in time order. Only for what is answered
   * may a job be made: that is what makes a slot fire once (flow B).
   */
  async insert(tx: Tx, ruleId: string, slots: readonly NewSlot[]): Promise<WrittenSlot[]> {
    if (slots.length === 0) return [];
    return query<WrittenSlot>(
      tx,
      `with written as (
         insert into schedule_slots (id, rule_id, scheduled_for, outcome, cause, reason, due_at, decided_at)
         select n.id, $1, n.scheduled_for, n.outcome, n.cause, n.reason, n.due_at,
                case when n.outcome <> 'waiting' then clock_timestamp() end
           from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
                as n(id, scheduled_for, outcome, cause, reason, due_at)
         on conflict (rule_id, scheduled_for) do nothing
         returning id, scheduled_for, outcome, cause)
       select id, outcome, cause, ${SCHEDULED_FOR} from written order by scheduled_for`,
      [
        ruleId,
        slots.map(() => newId()),
        slots.map((slot) => new Date(slot.scheduledFor)),
        slots.map((slot) => slot.outcome),
        slots.map((slot) => slot.cause ?? 'schedule'),
        slots.map((slot) => slot.reason ?? null),
        slots.map((slot) => (slot.dueAt === undefined ? null : new Date(slot.dueAt))),
      ],
    );
  }

  /**
   * Writes slots of many rules that this transaction holds, each with its job. Fails as a whole where one is in the
   * ledger already, so that no job of it is made twice.
   */
  async insertDecided(tx: Tx, slots: readonly DecidedSlot[]): Promise<void> {
    if (slots.length === 0) return;
    await execute(
      tx,
      `insert into schedule_slots (id, rule_id, scheduled_for, outcome, cause, reason, job_id, decided_at)
       select n.id, n.rule_id, n.scheduled_for, n.outcome, n.cause, n.reason, n.job_id, clock_timestamp()
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::uuid[])
              as n(id, rule_id, scheduled_for, outcome, cause, reason, job_id)`,
      [
        slots.map((slot) => slot.id),
        slots.map((slot) => slot.ruleId),
        slots.map((slot) => new Date(slot.scheduledFor)),
        slots.map((slot) => slot.outcome),
        slots.map((slot) => slot.cause ?? 'schedule'),
        slots.map((slot) => slot.reason ?? null),
        slots.map((slot) => slot.jobId),
      ],
      'schedule_slots_insert_decided',
    );
  }

  /** What has become of slots of a rule that this transaction holds. One that waits on keeps the time it is due. */
  async settle(tx: Tx, ends: readonly SlotEnd[]): Promise<void> {
    if (ends.length === 0) return;
    await execute(
      tx,
      `update schedule_slots s set outcome = n.outcome, reason = n.reason, job_id = n.job_id,
              decided_at = case when n.outcome <> 'waiting' then clock_timestamp() end
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) as n(id, outcome, reason, job_id)
        where s.id = n.id`,
      [
        ends.map((end) => end.id),
        ends.map((end) => end.outcome),
        ends.map((end) => end.reason),
        ends.map((end) => end.jobId),
      ],
    );
  }

  /** Waiting slots whose time may have come, in the order in which they fire: backfills behind all others. */
  async ready(tx: Tx, ruleId: string, limit: number): Promise<WaitingSlot[]> {
    return query<WaitingSlot>(
      tx,
      `select id, cause, reason as "waitsFor", ${SCHEDULED_FOR} from schedule_slots where ${READY}
        order by reason = 'backfill', reason <> 'previous_job', scheduled_for limit $2`,
      [ruleId, limit],
    );
  }

  /** The one that waits for the job before it, if any. */
  async parked(tx: Tx, ruleId: string): Promise<WaitingSlot[]> {
    return query<WaitingSlot>(
      tx,
      `select id, cause, reason as "waitsFor", ${SCHEDULED_FOR} from schedule_slots
        where rule_id = $1 and outcome = 'waiting' and reason = 'previous_job'`,
      [ruleId],
    );
  }

  /**
   * When the waiting slots of a rule are to be looked at next: when the first of them is due, or after `pauseSeconds`
   * where one waits for something that usually rings. Null when none waits.
   */
  async nextLook(tx: Tx, ruleId: string, pauseSeconds: number): Promise<Date | null> {
    const row = await queryOne<{ at: Date | null }>(
      tx,
      `select min(case when reason = 'spacing' then due_at else now() + make_interval(secs => $2) end) as at
         from schedule_slots where rule_id = $1 and outcome = 'waiting'`,
      [ruleId, pauseSeconds],
    );
    return row?.at ?? null;
  }

  /** Slots that wait when their rule is paused do not fire any more. */
  async pauseWaiting(tx: Tx, ruleId: string, reason: string): Promise<void> {
    await execute(
      tx,
      `update schedule_slots set outcome = 'paused', reason = $2, decided_at = clock_timestamp()
        where rule_id = $1 and outcome = 'waiting'`,
      [ruleId, reason],
    );
  }

  /** What the ledger says of the instants of a rule from one time to another, by epoch ms. */
  async outcomesBetween(read: Read, ruleId: string, from: Date, to: Date): Promise<Map<number, SlotOutcome>> {
    const rows = await query<{ at: Date; outcome: SlotOutcome }>(
      read,
      `select scheduled_for as at, outcome from schedule_slots
        where rule_id = $1 and scheduled_for between $2 and $3`,
      [ruleId, from, to],
    );
    return new Map(rows.map(({ at, outcome }) => [at.getTime(), outcome]));
  }

  /** Lets instants of the past wait for their turn, unless they have fired or wait already. */
  async fillUp(tx: Tx, ruleId: string, instants: readonly Date[]): Promise<void> {
    await execute(
      tx,
      `insert into schedule_slots as known (id, rule_id, scheduled_for, outcome, cause, reason, decided_at)
       select n.id, $1, n.scheduled_for, 'waiting', 'backfill', 'backfill', null
         from unnest($2::uuid[], $3::timestamptz[]) as n(id, scheduled_for)
       on conflict (rule_id, scheduled_for) do update
          set outcome = 'waiting', cause = 'backfill', reason = 'backfill', decided_at = null
        where known.outcome not in ('fired', 'waiting')`,
      [ruleId, instants.map(() => newId()), instants],
    );
  }

  async find(read: Read, id: string): Promise<ScheduleSlotEntity | null> {
    return entities(read, ScheduleSlotEntity).findOneBy({ id });
  }

  /** Newest first, one row more than the limit. */
  async page(
    read: Read,
    ruleId: string,
    { limit, cursor, outcome, cause, from, to }: SlotFilter,
  ): Promise<ScheduleSlotEntity[]> {
    const builder = entities(read, ScheduleSlotEntity)
      .createQueryBuilder('slot')
      .where({ ruleId })
      .orderBy('slot.id', 'DESC')
      .limit(limit + 1);
    if (cursor !== undefined) builder.andWhere({ id: LessThan(cursor) });
    if (outcome !== undefined) builder.andWhere({ outcome });
    if (cause !== undefined) builder.andWhere({ cause });
    if (from !== undefined) builder.andWhere('slot.scheduledFor >= :from', { from });
    if (to !== undefined) builder.andWhere('slot.scheduledFor <= :to', { to });
    return builder.getMany();
  }
}

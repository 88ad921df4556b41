import { Injectable } from '@nestjs/common';
import { LessThan } from 'typeorm';
import {
  entities,
  execute,
  newId,
  query,
  type PageRequest,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import { ScheduleSlotEntity, type SlotOutcome } from './schedule-slot.entity.js';

export interface NewSlot {
  /** Epoch ms. */
  readonly scheduledFor: number;
  readonly outcome: SlotOutcome;
  readonly reason?: string | null;
}

export interface WrittenSlot {
  readonly id: string;
  readonly outcome: SlotOutcome;
}

export interface SlotEnd {
  readonly id: string;
  readonly outcome: SlotOutcome;
  readonly reason: string | null;
  readonly jobId: string | null;
}

/** The ledger. */
@Injectable()
export class ScheduleSlotsRepository {
  /**
   * Writes the slots that are not in the ledger yet and answers these, in time order. Only for what is answered
   * may a job be made: that is what makes a slot fire once (flow B).
   */
  async insert(
    tx: Tx,
    ruleId: string,
    slots: readonly NewSlot[],
    cause: 'schedule' | 'manual' = 'schedule',
  ): Promise<WrittenSlot[]> {
    if (slots.length === 0) return [];
    return query<WrittenSlot>(
      tx,
      `with written as (
         insert into schedule_slots (id, rule_id, scheduled_for, outcome, reason, cause)
         select n.id, $1, n.scheduled_for, n.outcome, n.reason, $2
           from unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::text[]) as n(id, scheduled_for, outcome, reason)
         on conflict (rule_id, scheduled_for) do nothing
         returning id, scheduled_for, outcome)
       select id, outcome from written order by scheduled_for`,
      [
        ruleId,
        cause,
        slots.map(() => newId()),
        slots.map((slot) => new Date(slot.scheduledFor)),
        slots.map((slot) => slot.outcome),
        slots.map((slot) => slot.reason ?? null),
      ],
    );
  }

  /** What became of slots written earlier in this transaction. */
  async settle(tx: Tx, ends: readonly SlotEnd[]): Promise<void> {
    if (ends.length === 0) return;
    await execute(
      tx,
      `update schedule_slots s set outcome = n.outcome, reason = n.reason, job_id = n.job_id
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

  async find(read: Read, id: string): Promise<ScheduleSlotEntity | null> {
    return entities(read, ScheduleSlotEntity).findOneBy({ id });
  }

  /** Newest first, one row more than the limit. */
  async page(
    read: Read,
    ruleId: string,
    filter: PageRequest & { outcome?: SlotOutcome | undefined },
  ): Promise<ScheduleSlotEntity[]> {
    const builder = entities(read, ScheduleSlotEntity)
      .createQueryBuilder('slot')
      .where({ ruleId })
      .orderBy('slot.id', 'DESC')
      .limit(filter.limit + 1);
    if (filter.cursor !== undefined) builder.andWhere({ id: LessThan(filter.cursor) });
    if (filter.outcome !== undefined) builder.andWhere({ outcome: filter.outcome });
    return builder.getMany();
  }
}

import { Column, Entity, PrimaryColumn } from 'typeorm';

export const SLOT_OUTCOMES = [
  'fired',
  'waiting',
  'skipped_overlap',
  'skipped_missed',
  'paused',
  'excluded',
  'failed',
] as const;
export type SlotOutcome = (typeof SLOT_OUTCOMES)[number];

/** Why a slot is there: its time came, it was missed and is caught up on, somebody ran it, somebody filled a gap. */
export const SLOT_CAUSES = ['schedule', 'catch_up', 'manual', 'backfill'] as const;
export type SlotCause = (typeof SLOT_CAUSES)[number];

/** One line of the ledger: a planned instant of a rule and what became of it. Unique per rule and instant. */
@Entity('schedule_slots')
export class ScheduleSlotEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') ruleId: string;
  @Column('timestamptz') scheduledFor: Date;
  @Column('text') outcome: SlotOutcome;
  @Column('text', { default: 'schedule' }) cause: SlotCause;
  /** While it waits: what for (`WaitsFor`). */
  @Column('text', { nullable: true }) reason: string | null;
  @Column('uuid', { nullable: true }) jobId: string | null;
  /** Not before this time, for one that waits for its turn. */
  @Column('timestamptz', { nullable: true }) dueAt: Date | null;
  /** When its outcome was decided; null exactly while it waits. */
  @Column('timestamptz', { nullable: true, default: () => 'clock_timestamp()' }) decidedAt: Date | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt: Date;
}

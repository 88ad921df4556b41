import { Column, Entity, PrimaryColumn } from 'typeorm';

export const SLOT_OUTCOMES = [
  'fired',
  'skipped_overlap',
  'skipped_missed',
  'paused',
  'excluded',
  'failed',
] as const;
export type SlotOutcome = (typeof SLOT_OUTCOMES)[number];

/** One line of the ledger: a planned instant of a rule and what became of it. Unique per rule and instant. */
@Entity('schedule_slots')
export class ScheduleSlotEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') ruleId: string;
  @Column('timestamptz') scheduledFor: Date;
  @Column('text') outcome: SlotOutcome;
  @Column('text', { default: 'schedule' }) cause: 'schedule' | 'manual';
  @Column('text', { nullable: true }) reason: string | null;
  @Column('uuid', { nullable: true }) jobId: string | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt: Date;
}

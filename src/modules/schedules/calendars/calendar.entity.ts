import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A named set of days that rules of its owner leave out. */
@Entity('schedule_calendars')
export class CalendarEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') userId: string;
  @Column('text') name: string;
  @Column('text', { nullable: true }) description: string | null;
  @Column('text', { array: true, default: [] }) dates: string[];
  @Column('text', { array: true, default: [] }) weekdays: string[];
  /** Plus one per edit; the ETag. */
  @Column('integer', { default: 1 }) version: number;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) updatedAt: Date;
}

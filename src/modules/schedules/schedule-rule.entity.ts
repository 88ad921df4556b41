import { Column, Entity, PrimaryColumn, VirtualColumn } from 'typeorm';
import type { DaylightSavingPolicy, NamedDays, OverlapPolicy } from './core/index.js';

/** What a rule has done when it fires; checked against its job type when saved and again when fired. */
export interface JobTemplate {
  readonly type: string;
  readonly payload?: unknown;
  readonly priority?: number | undefined;
  readonly maxRetries?: number | undefined;
}

const overdue = (rule: string): string =>
  `case when ${rule}.is_active and ${rule}.next_run_at < now() then floor(extract(epoch from now() - ${rule}.next_run_at))::float8 else 0 end`;

/** A schedule (S1-25, C16). */
@Entity('schedule_rules')
export class ScheduleRuleEntity {
  @PrimaryColumn('uuid') id: string;
  /** Null for a rule of the system. */
  @Column('uuid', { nullable: true }) userId: string | null;
  /** Of the system: which of its rules this is, in every release; null for one of a person. */
  @Column('text', { nullable: true }) systemKey: string | null;
  @Column('text') name: string;
  @Column('text', { nullable: true }) description: string | null;
  /** False while paused. */
  @Column('boolean', { default: true }) isActive: boolean;
  @Column('text') ruleType: 'cron' | 'interval' | 'once';
  @Column('text', { nullable: true }) cronExpression: string | null;
  @Column('integer', { nullable: true }) intervalSeconds: number | null;
  @Column('timestamptz', { nullable: true }) runAt: Date | null;
  @Column('text', { default: 'UTC' }) timezone: string;
  @Column('jsonb') dstPolicy: DaylightSavingPolicy;
  @Column('text', { default: 'skip' }) overlapPolicy: OverlapPolicy;
  @Column('text', { default: 'run_once' }) missedPolicy: 'skip' | 'run_once' | 'run_all';
  /** For `run_all`: how many of the missed ones run, and how far apart. */
  @Column('integer', { default: 1000 }) missedMax: number;
  @Column('integer', { default: 0 }) missedSpacingSeconds: number;
  /** Local days it leaves out, beside those of its calendars. */
  @Column('jsonb', { default: { dates: [], weekdays: [] } }) exclusions: NamedDays;
  /** Calendars of its owner. None of them can be deleted meanwhile: see `CalendarsService`. */
  @Column('uuid', { array: true, default: [] }) calendarIds: string[];
  @Column('integer', { default: 0 }) jitterSeconds: number;
  @Column('timestamptz', { nullable: true }) startsAt: Date | null;
  @Column('timestamptz', { nullable: true }) endsAt: Date | null;
  @Column('integer', { nullable: true }) maxRuns: number | null;
  /** Planned slots that made a job; runs by hand are not counted. */
  @Column('integer', { default: 0 }) runCount: number;
  @Column('jsonb') jobTemplate: JobTemplate;
  /** Where an interval's grid begins; never changes. */
  @Column('timestamptz', { default: () => 'now()' }) anchorAt: Date;
  /** Pauses itself after so many failures in a row. */
  @Column('integer', { nullable: true }) pauseAfterFailures: number | null;
  /** Failures since the last success, or since it was resumed; counted only while `pauseAfterFailures` is set. */
  @Column('integer', { default: 0 }) failureStreak: number;
  /** When a job was last made. */
  @Column('timestamptz', { nullable: true }) lastRunAt: Date | null;
  /**
   * The planner's cursor: everything planned before it is in the ledger. Null when nothing is to come. While
   * paused until a time it is the first instant from then on.
   */
  @Column('timestamptz', { nullable: true }) nextRunAt: Date | null;
  /** For how long it has been due, on the database's clock; 0 while it is on time. */
  @VirtualColumn('float8', { query: overdue }) readonly overdueSeconds: number;
  /** Planning counts from here: the last planned instant in the ledger, or the edit or resume after it. */
  @Column('timestamptz', { default: () => 'now()' }) plannedTo: Date;
  /** The version of the tz data that `nextRunAt` follows from. */
  @Column('text', { nullable: true }) tzVersion: string | null;
  /** When its waiting slots are looked at again; null while none waits. */
  @Column('timestamptz', { nullable: true }) lookAt: Date | null;
  /** When the latest slot that is caught up on was or will be due: the next one keeps its distance from it. */
  @Column('timestamptz', { nullable: true }) catchUpAt: Date | null;
  @Column('text', { nullable: true }) pausedNote: string | null;
  @Column('timestamptz', { nullable: true }) pausedUntil: Date | null;
  /** Null when Steward itself paused it. */
  @Column('uuid', { nullable: true }) pausedBy: string | null;
  /** Why the latest slot made no job; cleared by the next one that does. */
  @Column('text', { nullable: true }) lastError: string | null;
  /** Plus one per edit by a person; the ETag. */
  @Column('integer', { default: 1 }) version: number;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) updatedAt: Date;
}

import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JobStatus } from './engine/job-status.js';

/** One requested run (S1-14). The engine moves it by guarded statements; this class reads and describes it. */
@Entity('jobs')
export class JobEntity {
  @PrimaryColumn('uuid') id: string;
  /** Null for the system's own jobs. */
  @Column('uuid', { nullable: true }) userId: string | null;
  @Column('text') type: string;
  @Column('text') queue: string;
  @Column('text', { default: 'pending' }) status: JobStatus;
  /** 1 runs first, 10 last (C17). */
  @Column('smallint', { default: 5 }) priority: number;
  @Column('smallint', { default: 0 }) progress: number;
  @Column('jsonb', { nullable: true }) progressDetail: object | null;
  @Column('jsonb') payload: object;
  /** What earlier attempts have done, for types that go on from there. */
  @Column('jsonb', { nullable: true }) checkpoint: object | null;
  @Column('jsonb', { nullable: true }) result: object | null;
  @Column('text', { nullable: true }) error: string | null;
  @Column('text', { nullable: true }) errorCode: string | null;
  @Column('integer', { default: 0 }) retryCount: number;
  @Column('integer', { default: 3 }) maxRetries: number;
  @Column('integer', { default: 0 }) crashCount: number;
  @Column('integer', { nullable: true }) timeoutSeconds: number | null;
  /** When the client asked for it to run; null means at once. */
  @Column('timestamptz', { nullable: true }) scheduledFor: Date | null;
  @Column('uuid', { nullable: true }) scheduleId: string | null;
  @Column('text', { nullable: true }) requestId: string | null;
  /** When it is due: set exactly while it is pending. */
  @Column('timestamptz', { nullable: true }) runAt: Date | null;
  /** Its place among the due jobs of its queue and priority; null unless it is pending and due. */
  @Column('bigint', { nullable: true }) turn: string | null;
  /** The limit of its type that it falls under; null where the type has none. */
  @Column('text', { nullable: true }) limitKey: string | null;
  @Column('integer', { default: 0 }) dispatchNo: number;
  @Column('timestamptz', { nullable: true }) dispatchedAt: Date | null;
  /** Plus one per claim; every write of an attempt names it (rule 7). */
  @Column('integer', { default: 0 }) leaseEpoch: number;
  @Column('uuid', { nullable: true }) workerId: string | null;
  @Column('timestamptz', { nullable: true }) cancelRequestedAt: Date | null;
  /** Start of the latest attempt. */
  @Column('timestamptz', { nullable: true }) startedAt: Date | null;
  /** When it completed or failed. */
  @Column('timestamptz', { nullable: true }) completedAt: Date | null;
  @Column('timestamptz', { nullable: true }) cancelledAt: Date | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt: Date;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) updatedAt: Date;
}

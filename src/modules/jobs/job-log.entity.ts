import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JobLogLevel } from './definition/define-job.js';

/** One line of an attempt's log (S1-19). Append-only. */
@Entity('job_logs')
export class JobLogEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') jobId: string;
  @Column('text') level: JobLogLevel;
  @Column('text') message: string;
  @Column('jsonb', { nullable: true }) details: object | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt: Date;
}

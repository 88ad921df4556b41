import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';
import type { PathRule, Right } from './path-rules.js';

/** What a user may do on a remote, and on which paths (S1-10). */
@Entity('remote_permissions')
@Unique('unique_user_remote_permission', ['userId', 'remoteId'])
export class RemotePermissionEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') userId: string;
  @Column('uuid') remoteId: string;
  @Column('text', { array: true, default: [] }) permissions: Right[];
  @Column('jsonb', { default: [] }) pathRules: PathRule[];
  /** A row that is not counts as none. */
  @Column('boolean', { default: true }) isActive: boolean;
  /** Who gave it; null when that person has been erased. */
  @Column('uuid', { nullable: true }) createdBy: string | null;
  /** Counts the edits. */
  @Column('integer', { default: 1 }) version: number;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) updatedAt: Date;
}

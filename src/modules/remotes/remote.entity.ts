import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RemoteOptions } from './engine/transfer-engine.js';
import type { RemoteStatus } from './remotes.schema.js';
import type { RemoteType } from './types/remote-types.js';

/** A configured place for files (C15). */
@Entity('remotes')
export class RemoteEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') ownerId: string;
  /** As the person wrote it; `nameKey` is what is unique. */
  @Column('text') name: string;
  @Column('text', { unique: true }) nameKey: string;
  @Column('text') type: RemoteType;
  /** Of a local remote: an absolute folder of the server. Not for everybody's eyes. */
  @Column('text') root: string;
  /** rclone's options that anybody who may see the remote may see. */
  @Column('jsonb', { default: {} }) options: RemoteOptions;
  /** Sealed JSON of the options that nobody sees again; null where there are none. */
  @Column('bytea', { nullable: true, select: false }) secrets: Buffer | null;
  /** Which options are in there. */
  @Column('text', { array: true, default: [] }) secretNames: string[];
  /** Rises when the secrets change without an edit of a person. */
  @Column('integer', { default: 1 }) secretsVersion: number;
  @Column('text', { default: 'unknown' }) status: RemoteStatus;
  @Column('text', { nullable: true }) statusDetail: string | null;
  @Column('timestamptz', { nullable: true }) lastCheckedAt: Date | null;
  /** Roughly: when a request or a job last worked with it. */
  @Column('timestamptz', { nullable: true }) usedAt: Date | null;
  /** Since when a process looks whether it can be reached. */
  @Column('timestamptz', { nullable: true }) checkClaimedAt: Date | null;
  /** Counts the edits of people; checks leave it alone. */
  @Column('integer', { default: 1 }) version: number;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) updatedAt: Date;
}

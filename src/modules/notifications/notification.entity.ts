import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Lowest first. */
export const NOTIFICATION_PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export type NotificationPriority = (typeof NOTIFICATION_PRIORITIES)[number];

/** Something a user is told (S1-29, S1-30). */
@Entity('notifications')
export class NotificationEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid') userId: string;
  /** The event it tells of; unique per user, so that no event is told twice. */
  @Column('uuid', { nullable: true }) eventId: string | null;
  @Column('text') type: string;
  @Column('text') title: string;
  @Column('text') message: string;
  @Column('jsonb', { default: {} }) data: Record<string, unknown>;
  @Column('text', { default: 'normal' }) priority: NotificationPriority;
  /** Computed by the database: it is read exactly when `readAt` is set. */
  @Column({
    type: 'boolean',
    asExpression: '(read_at IS NOT NULL)',
    generatedType: 'STORED',
    insert: false,
    update: false,
  })
  isRead: boolean;
  @Column('boolean', { default: false }) isArchived: boolean;
  @Column('timestamptz', { nullable: true }) readAt: Date | null;
  /** Not shown from then on. */
  @Column('timestamptz', { nullable: true }) expiresAt: Date | null;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) updatedAt: Date;
}

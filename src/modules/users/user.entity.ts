import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { UserRole } from '../../kernel/auth/index.js';

/**
 * A row of `users`. It holds the password hash: rows stay inside this module, `toUserView` makes of them what may
 * leave.
 */
@Entity('users')
export class UserEntity {
  @PrimaryColumn('uuid')
  id: string;

  /** Given by the database, for the integer keys of older clients (C1). */
  @Column({
    type: 'bigint',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
    insert: false,
    update: false,
  })
  seq: string;

  /** As the person wrote it; `emailKey` is what is unique. */
  @Column('text')
  email: string;

  @Column('text', { unique: true })
  emailKey: string;

  @Column('text', { nullable: true })
  username: string | null;

  @Column('text', { nullable: true, unique: true })
  usernameKey: string | null;

  /** PHC string; null for somebody who cannot log in with a password (C2). */
  @Column('text', { nullable: true })
  passwordHash: string | null;

  @Column('text', { nullable: true })
  fullName: string | null;

  @Column('text', { default: 'user' })
  role: UserRole;

  /** Computed by the database from the role, which is the truth (C3). */
  @Column({
    type: 'boolean',
    asExpression: `(role = 'admin'::text)`,
    generatedType: 'STORED',
    insert: false,
    update: false,
  })
  isSuperuser: boolean;

  @Column('boolean', { default: true })
  isActive: boolean;

  @Column('boolean', { default: false })
  isVerified: boolean;

  @Column('jsonb', { default: {} })
  metadata: Record<string, unknown>;

  /** Tasks of theirs, kept by triggers (S0-27). */
  @Column({ type: 'integer', default: 0, insert: false, update: false })
  taskCount: number;

  /** Counts the changes people make, not logins or tasks. */
  @Column('integer', { default: 1 })
  version: number;

  @Column('timestamptz', { nullable: true })
  lastLoginAt: Date | null;

  /** Set on a tombstone: the person is erased, the row keeps the id for the audit trail (C5). */
  @Column('timestamptz', { nullable: true })
  deletedAt: Date | null;

  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false })
  createdAt: Date;

  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false })
  updatedAt: Date;
}

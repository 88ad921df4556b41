import { Column, Entity, PrimaryColumn } from 'typeorm';

export const THEMES = ['light', 'dark', 'system'] as const;
export type Theme = (typeof THEMES)[number];

/** A row of `user_preferences`: what a user has chosen at least once (C14). */
@Entity('user_preferences')
export class UserPreferencesEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid', { unique: true }) userId: string;
  @Column('text', { default: 'light' }) theme: Theme;
  /** BCP 47, in its canonical form. */
  @Column('text', { default: 'en' }) language: string;
  /** IANA name. */
  @Column('text', { default: 'UTC' }) timezone: string;
  @Column('jsonb', { default: {} }) notifications: Record<string, unknown>;
  @Column('jsonb', { default: {} }) uiSettings: Record<string, unknown>;
  @Column('jsonb', { default: {} }) apiSettings: Record<string, unknown>;
  /** Whatever a client wants to keep here (S2-15). */
  @Column('jsonb', { default: {} }) preferences: Record<string, unknown>;
  /** Counts the changes. */
  @Column('integer', { default: 0 }) version: number;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
  /** Kept by a trigger. */
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) updatedAt: Date;
}

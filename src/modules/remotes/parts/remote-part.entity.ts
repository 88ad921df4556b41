import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One of the remotes that an alias, crypt, union or combine is made of. */
@Entity('remote_parts')
export class RemotePartEntity {
  @PrimaryColumn('uuid') remoteId: string;
  @PrimaryColumn('smallint') position: number;
  @Column('uuid') partId: string;
  /** Below the root of the part, as people see it. */
  @Column('text') path: string;
  @Column('text', { nullable: true }) name: string | null;
  @Column('boolean', { default: false }) readOnly: boolean;
  @Column({ type: 'timestamptz', default: () => 'now()', insert: false, update: false }) createdAt: Date;
}

import { Injectable } from '@nestjs/common';
import { execute, newId, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';

/** Wrong codes in this time before no code of time is looked at (ASVS 6.6.3). */
const WRONG_CODES_MAX = 5;
const WRONG_CODES_WITHIN = `interval '15 minutes'`;

/** How long setting one up may take: its secret stands on a screen meanwhile. */
const PENDING_LIFE = `interval '1 hour'`;

export interface FactorRow {
  readonly id: string;
  readonly userId: string;
  readonly sealedSecret: Buffer;
  /** Until a code is looked at again; null when one is looked at now. */
  readonly closedSeconds: number | null;
}

export interface FactorState {
  readonly enrolledAt: Date | null;
  readonly recoveryCodesLeft: number;
}

export interface FactorHistory {
  readonly kind: string;
  readonly createdAt: Date;
  readonly confirmedAt: Date | null;
}

export interface RecoveryCodeHistory {
  readonly createdAt: Date;
  readonly usedAt: Date | null;
}

const COLUMNS = `f.id, f.user_id as "userId", f.sealed_secret as "sealedSecret",
  case when cardinality(f.wrong_codes_at) >= ${WRONG_CODES_MAX}
       then greatest(extract(epoch from f.wrong_codes_at[1] + ${WRONG_CODES_WITHIN} - now())::float8, 0)
  end as "closedSeconds"`;

/** Rows of `second_factors` and `recovery_codes`. All times are the database's. */
@Injectable()
export class SecondFactorsRepository {
  /**
   * Lets one transaction after the other change the factors of a person; false when there is no such person. Before
   * any factor is touched, as logins do: the other way round the two would wait for each other for ever.
   */
  async lockPerson(tx: Tx, userId: string): Promise<boolean> {
    const person = `select 1 as found from users where id = $1 and deleted_at is null for no key update`;
    return (await queryOne(tx, person, [userId])) !== null;
  }

  async state(read: Read, userId: string): Promise<FactorState> {
    const row = await queryOne<FactorState>(
      read,
      `select (select f.confirmed_at from second_factors f
                where f.user_id = $1 and f.confirmed_at is not null) as "enrolledAt",
              (select count(*)::int from recovery_codes c
                where c.user_id = $1 and c.used_at is null) as "recoveryCodesLeft"`,
      [userId],
    );
    return row ?? { enrolledAt: null, recoveryCodesLeft: 0 };
  }

  async isEnrolled(read: Read, userId: string): Promise<boolean> {
    return (
      (await queryOne(
        read,
        `select 1 as found from second_factors where user_id = $1 and confirmed_at is not null`,
        [userId],
        'factor_enrolled',
      )) !== null
    );
  }

  /** The one that counts, kept from others until the transaction ends. */
  async confirmedForUpdate(tx: Tx, userId: string): Promise<FactorRow | null> {
    return queryOne<FactorRow>(
      tx,
      `select ${COLUMNS} from second_factors f where f.user_id = $1 and f.confirmed_at is not null for update`,
      [userId],
    );
  }

  /** The one that is being set up, unless that was begun too long ago. */
  async pendingForUpdate(tx: Tx, userId: string): Promise<FactorRow | null> {
    return queryOne<FactorRow>(
      tx,
      `select ${COLUMNS} from second_factors f
        where f.user_id = $1 and f.confirmed_at is null and f.created_at > now() - ${PENDING_LIFE} for update`,
      [userId],
    );
  }

  /** In the place of any other that is being set up. */
  async insertPending(tx: Tx, userId: string, sealedSecret: Buffer): Promise<void> {
    await execute(tx, `delete from second_factors where user_id = $1 and confirmed_at is null`, [userId]);
    await execute(
      tx,
      `insert into second_factors (id, user_id, kind, sealed_secret) values ($1, $2, 'totp', $3)`,
      [newId(), userId, sealedSecret],
    );
  }

  /** Makes the pending one count, in the place of the one that did. True when there was one. */
  async confirm(tx: Tx, { id, userId }: FactorRow, step: number): Promise<boolean> {
    const replaced = await execute(
      tx,
      `delete from second_factors where user_id = $1 and kind = 'totp' and confirmed_at is not null`,
      [userId],
    );
    await execute(
      tx,
      `update second_factors set confirmed_at = now(), last_used_step = $2, wrong_codes_at = '{}' where id = $1`,
      [id, step],
    );
    return replaced > 0;
  }

  /** False when this step, or a later one, has been used before. A right code forgives the wrong ones. */
  async useStep(tx: Tx, id: string, step: number): Promise<boolean> {
    const touched = await execute(
      tx,
      `update second_factors set last_used_step = $2, wrong_codes_at = '{}'
        where id = $1 and (last_used_step is null or last_used_step < $2)`,
      [id, step],
    );
    return touched === 1;
  }

  /** Keeps the moments of the last wrong codes, so that the limit holds for any 15 minutes. */
  async countWrong(tx: Tx, id: string): Promise<void> {
    await execute(
      tx,
      `update second_factors
          set wrong_codes_at = (wrong_codes_at || now())[greatest(1, cardinality(wrong_codes_at) + 2 - ${WRONG_CODES_MAX}):]
        where id = $1`,
      [id],
    );
  }

  async replaceRecoveryCodes(tx: Tx, userId: string, hashes: readonly Buffer[]): Promise<void> {
    await execute(tx, `delete from recovery_codes where user_id = $1`, [userId]);
    await execute(
      tx,
      `insert into recovery_codes (id, user_id, code_hash)
       select id, $1, code_hash from unnest($2::uuid[], $3::bytea[]) as new (id, code_hash)`,
      [userId, hashes.map(() => newId()), hashes],
    );
  }

  /** False when there is no such code or it has been used before. */
  async useRecoveryCode(tx: Tx, userId: string, hash: Buffer): Promise<boolean> {
    const touched = await execute(
      tx,
      `update recovery_codes set used_at = now() where user_id = $1 and code_hash = $2 and used_at is null`,
      [userId, hash],
    );
    return touched === 1;
  }

  /** What was removed: the factor that counted, or only one that was being set up, or nothing. */
  async removeAll(tx: Tx, userId: string): Promise<'confirmed' | 'pending' | 'nothing'> {
    const removed = await query<{ wasConfirmed: boolean }>(
      tx,
      `delete from second_factors where user_id = $1 returning confirmed_at is not null as "wasConfirmed"`,
      [userId],
    );
    await execute(tx, `delete from recovery_codes where user_id = $1`, [userId]);
    if (removed.some(({ wasConfirmed }) => wasConfirmed)) return 'confirmed';
    return removed.length > 0 ? 'pending' : 'nothing';
  }

  /** Every factor there is, for the operator. */
  async everyone(read: Read): Promise<FactorRow[]> {
    return query<FactorRow>(read, `select ${COLUMNS} from second_factors f order by f.id`);
  }

  /** What may be told to the person it belongs to. */
  async history(read: Read, userId: string): Promise<FactorHistory[]> {
    return query(
      read,
      `select kind, created_at as "createdAt", confirmed_at as "confirmedAt"
         from second_factors where user_id = $1 order by id`,
      [userId],
    );
  }

  async recoveryCodeHistory(read: Read, userId: string): Promise<RecoveryCodeHistory[]> {
    return query(
      read,
      `select created_at as "createdAt", used_at as "usedAt" from recovery_codes where user_id = $1 order by id`,
      [userId],
    );
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Actor, SessionActor } from '../../../kernel/auth/index.js';
import { Database, type Read, type Tx } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { CredentialChanges, Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks, UsersService } from '../../users/index.js';
import {
  ACCOUNT_CHANNEL,
  FACTOR_ADDED,
  FACTOR_REMOVED,
  RECOVERY_CODES_RENEWED,
  type FactorAddedData,
  type FactorRemovedData,
  type RecoveryCodesData,
} from '../auth.events.js';
import { SessionsRepository } from '../sessions/sessions.repository.js';
import { newRecoveryCodes, readCode } from './codes.js';
import { FactorPolicy } from './factor-policy.js';
import { FactorProofs, errorFor } from './factor-proofs.js';
import { FactorSecrets } from './factor-secrets.js';
import type {
  FactorConfirmation,
  FactorsView,
  RecoveryCodesView,
  TotpEnrolmentView,
} from './factors.schema.js';
import { SecondFactorsRepository } from './second-factors.repository.js';
import { enrolmentOf, newTotpSecret } from './totp.js';

/**
 * Setting up, replacing and removing the second factor of a person. One that is not confirmed by a code has no effect,
 * so nobody is locked out by a QR code that was never read; confirmed, it takes the place of an earlier one. Adding
 * and removing end the person's other sessions (ASVS 7.4.3) and are audited and told in the same transaction.
 */
@Injectable()
export class FactorsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly factors: SecondFactorsRepository,
    private readonly proofs: FactorProofs,
    private readonly secrets: FactorSecrets,
    private readonly policy: FactorPolicy,
    private readonly users: UsersService,
    private readonly sessions: SessionsRepository,
    private readonly changes: CredentialChanges,
    private readonly audit: AuditService,
    private readonly events: Events,
    private readonly accounts: AccountHooks,
  ) {}

  onModuleInit(): void {
    this.accounts.register({
      module: 'auth, second factors',
      erased: async (tx, userId) => void (await this.factors.removeAll(tx, userId)),
      exported: (userId) => [
        { name: 'second-factors', rows: this.archivedFactors(userId) },
        { name: 'recovery-codes', rows: this.archivedCodes(userId) },
      ],
    });
  }

  async state(actor: SessionActor): Promise<FactorsView> {
    const state = await this.factors.state(this.database.as(actor).read, actor.userId);
    return {
      isEnrolled: state.enrolledAt !== null,
      enrolledAt: state.enrolledAt?.toISOString() ?? null,
      recoveryCodesLeft: state.recoveryCodesLeft,
      isRequired: this.policy.demands(actor.role),
    };
  }

  /** A factor that counts once it is confirmed, within the hour. One begun before is forgotten. */
  async begin(actor: SessionActor): Promise<TotpEnrolmentView> {
    const { email } = await this.users.get(actor.userId);
    const secret = newTotpSecret();
    await this.database.as(actor).tx(async (tx) => {
      await this.lock(tx, actor.userId);
      await this.factors.insertPending(tx, actor.userId, this.secrets.seal(actor.userId, secret));
      await this.record(tx, actor, actor.userId, 'factor.begin');
    });
    return enrolmentOf(secret, email);
  }

  /** `UserError` 409 `factor_not_begun`, 400 `code_invalid`, 429 `too_many_codes`. */
  async confirm(actor: SessionActor, change: FactorConfirmation): Promise<RecoveryCodesView> {
    const outcome = await this.database.as(actor).tx((tx) => this.confirmIn(tx, actor, change));
    // After the commit, which keeps the wrong code counted.
    if (outcome instanceof UserError) throw outcome;
    return { recoveryCodes: outcome };
  }

  /** `UserError` 404 when there is none, 409 `factor_required` when the role demands one. */
  async remove(actor: SessionActor): Promise<void> {
    if (this.policy.demands(actor.role))
      throw UserError.conflict(
        'factor_required',
        'Your role demands a second factor. You can replace it: set up another one.',
      );
    await this.database.as(actor).tx(async (tx) => {
      await this.lock(tx, actor.userId);
      if (await this.removeIn(tx, actor, actor.userId, 'self'))
        await this.sessions.revokeOthers(tx, actor.userId, actor.sessionId, 'factor_removed');
    });
  }

  /** Ten new codes; the old ones are void. `UserError` 409 `factor_missing`. */
  async renewRecoveryCodes(actor: SessionActor): Promise<RecoveryCodesView> {
    const recoveryCodes = await this.database.as(actor).tx(async (tx) => {
      await this.lock(tx, actor.userId);
      if (!(await this.factors.isEnrolled(tx, actor.userId)))
        throw UserError.conflict(
          'factor_missing',
          'Recovery codes stand in for a second factor; there is none.',
        );
      const codes = await this.replaceCodes(tx, actor.userId);
      await this.record(tx, actor, actor.userId, 'factor.renew_recovery_codes');
      const data: RecoveryCodesData = { codesLeft: codes.length };
      await this.tell(tx, actor.userId, RECOVERY_CODES_RENEWED, data);
      return codes;
    });
    return { recoveryCodes };
  }

  /**
   * For somebody who has lost phone and recovery codes and has proved to an admin or the operator who they are. All
   * their sessions end. `UserError` 404 when there is no such person or nothing to remove.
   */
  async reset(actor: Actor, userId: string, by: 'admin' | 'operator'): Promise<void> {
    if (actor.type === 'user' && actor.userId === userId)
      throw UserError.conflict('own_factor', 'This is your own: use DELETE /api/auth/factors/totp.');
    await this.database.system('reset of second factors').tx(async (tx) => {
      await this.lock(tx, userId);
      if (await this.removeIn(tx, actor, userId, by))
        await this.sessions.revokeAll(tx, userId, 'factor_removed');
    });
  }

  private async confirmIn(
    tx: Tx,
    actor: SessionActor,
    { code, keepOtherSessions }: FactorConfirmation,
  ): Promise<string[] | UserError> {
    const { userId } = actor;
    await this.lock(tx, userId);
    const factor = await this.factors.pendingForUpdate(tx, userId);
    if (!factor)
      throw UserError.conflict(
        'factor_not_begun',
        'Begin first: POST /api/auth/factors/totp. It holds for an hour.',
      );
    const proof = await this.proofs.pendingStep(tx, factor, code);
    if (proof === 'wrong_code') return UserError.field('/code', 'code_invalid', 'is not the code of now');
    if (typeof proof === 'string') return errorFor(proof, factor);
    const replaced = await this.factors.confirm(tx, factor, proof.step);
    const codes = await this.replaceCodes(tx, userId);
    const endedSessions = keepOtherSessions
      ? 0
      : await this.sessions.revokeOthers(tx, userId, actor.sessionId, 'factor_added');
    this.changes.announce(tx, { userIds: [userId] });
    await this.record(tx, actor, userId, 'factor.add', { replaced, endedSessions });
    await this.tell(tx, userId, FACTOR_ADDED, { kind: 'totp', replaced } satisfies FactorAddedData);
    return codes;
  }

  /** Whether it was one that counted. */
  private async removeIn(
    tx: Tx,
    actor: Actor,
    userId: string,
    by: FactorRemovedData['by'],
  ): Promise<boolean> {
    const removed = await this.factors.removeAll(tx, userId);
    if (removed === 'nothing') throw UserError.notFound('second factor');
    await this.record(tx, actor, userId, by === 'self' ? 'factor.remove' : 'factor.reset', {
      wasConfirmed: removed === 'confirmed',
    });
    if (removed === 'pending') return false;
    this.changes.announce(tx, { userIds: [userId] });
    await this.tell(tx, userId, FACTOR_REMOVED, { kind: 'totp', by } satisfies FactorRemovedData);
    return true;
  }

  private async replaceCodes(tx: Tx, userId: string): Promise<string[]> {
    const codes = newRecoveryCodes();
    const hashes = codes.map((text) => {
      const read = readCode(text);
      if (read.kind !== 'recovery') throw new Error('A new recovery code is not read as one');
      return this.secrets.hash(userId, read.code);
    });
    await this.factors.replaceRecoveryCodes(tx, userId, hashes);
    return codes;
  }

  private async lock(tx: Tx, userId: string): Promise<void> {
    if (!(await this.factors.lockPerson(tx, userId))) throw UserError.notFound('user');
  }

  private async record(
    tx: Tx,
    actor: Actor,
    userId: string,
    action: string,
    details: Record<string, unknown> = {},
  ): Promise<void> {
    await this.audit.record(tx, { actor, action, resource: { type: 'user', id: userId }, details });
  }

  private async tell(tx: Tx, userId: string, type: string, data: object): Promise<void> {
    await this.events.record(tx, [{ type, channel: ACCOUNT_CHANNEL, userId, subjectId: userId, data }]);
  }

  private async *archivedFactors(userId: string): AsyncIterable<object> {
    for (const row of await this.factors.history(this.exporting, userId))
      yield {
        kind: row.kind,
        createdAt: row.createdAt.toISOString(),
        confirmedAt: row.confirmedAt?.toISOString() ?? null,
      };
  }

  private async *archivedCodes(userId: string): AsyncIterable<object> {
    for (const row of await this.factors.recoveryCodeHistory(this.exporting, userId))
      yield { createdAt: row.createdAt.toISOString(), usedAt: row.usedAt?.toISOString() ?? null };
  }

  private get exporting(): Read {
    return this.database.system('export').read;
  }
}

import { Injectable } from '@nestjs/common';
import type { Actor } from '../../../kernel/auth/index.js';
import type { Tx } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { Clock } from '../../../kernel/time/index.js';
import { AuditService } from '../../audit/index.js';
import { ACCOUNT_CHANNEL, RECOVERY_CODE_USED, type RecoveryCodesData } from '../auth.events.js';
import { readCode } from './codes.js';
import { FactorSecrets } from './factor-secrets.js';
import { SecondFactorsRepository, type FactorRow } from './second-factors.repository.js';
import { stepOf } from './totp.js';

/** Why a code was not taken; goes into the audit trail. */
export type CodeFault = 'code_missing' | 'wrong_code' | 'used_code' | 'too_many_wrong_codes';

/** Who proves it to whom: `actor` and `action` for the audit trail, which the caller's success has, too. */
export interface ProofAttempt {
  readonly userId: string;
  readonly code: string | undefined;
  readonly actor: Actor | null;
  readonly action: string;
}

/**
 * Asks for the second factor of somebody whose password was right. Each code counts once, over all processes; after
 * five wrong ones within 15 minutes codes of time are not looked at. Recovery codes still are: nobody guesses 80
 * bits, so who knows the password cannot keep the owner out (ASVS 6.5.1, 6.6.3).
 */
@Injectable()
export class FactorProofs {
  constructor(
    private readonly factors: SecondFactorsRepository,
    private readonly secrets: FactorSecrets,
    private readonly audit: AuditService,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  /**
   * Null when there is no factor or the code is right, and spent. Otherwise the refusal, 401 `mfa_required` or
   * `code_invalid` or 429 `too_many_codes`, for the caller to throw **after the commit**: a rollback would forget the
   * wrong code. `OperationalError` 503 when the stored secret cannot be opened.
   */
  async refusal(tx: Tx, attempt: ProofAttempt): Promise<UserError | null> {
    const factor = await this.factors.confirmedForUpdate(tx, attempt.userId);
    if (!factor) return null;
    const fault = await this.faultOf(tx, factor, attempt);
    if (fault === null) return null;
    await this.audit.record(tx, {
      actor: attempt.actor,
      action: attempt.action,
      resource: { type: 'user', id: attempt.userId },
      result: 'failure',
      details: { reason: fault },
    });
    return errorFor(fault, factor);
  }

  /** The same for one that is being set up: no recovery codes yet. The step when the code is right. */
  async pendingStep(tx: Tx, factor: FactorRow, code: string): Promise<CodeFault | { step: number }> {
    if (isClosed(factor)) return 'too_many_wrong_codes';
    const offered = readCode(code);
    const secret = this.secrets.open(factor);
    const step = offered.kind === 'totp' ? stepOf(secret, offered.code, this.clock.now()) : null;
    if (step !== null) return { step };
    await this.factors.countWrong(tx, factor.id);
    return 'wrong_code';
  }

  private async faultOf(tx: Tx, factor: FactorRow, { code, actor }: ProofAttempt): Promise<CodeFault | null> {
    // Opened first, whatever was offered: with another signing secret no recovery code fits either.
    const secret = this.secrets.open(factor);
    if (code === undefined) return 'code_missing';
    const offered = readCode(code);
    if (offered.kind === 'recovery' && (await this.useRecoveryCode(tx, factor, offered.code, actor)))
      return null;
    if (isClosed(factor)) return 'too_many_wrong_codes';
    const step = offered.kind === 'totp' ? stepOf(secret, offered.code, this.clock.now()) : null;
    if (step !== null && (await this.factors.useStep(tx, factor.id, step))) return null;
    await this.factors.countWrong(tx, factor.id);
    return step === null ? 'wrong_code' : 'used_code';
  }

  private async useRecoveryCode(
    tx: Tx,
    { userId }: FactorRow,
    code: string,
    actor: Actor | null,
  ): Promise<boolean> {
    if (!(await this.factors.useRecoveryCode(tx, userId, this.secrets.hash(userId, code)))) return false;
    const { recoveryCodesLeft: codesLeft } = await this.factors.state(tx, userId);
    await this.audit.record(tx, {
      actor,
      action: 'factor.use_recovery_code',
      resource: { type: 'user', id: userId },
      details: { codesLeft },
    });
    await this.events.record(tx, [
      {
        type: RECOVERY_CODE_USED,
        channel: ACCOUNT_CHANNEL,
        userId,
        subjectId: userId,
        data: { codesLeft } satisfies RecoveryCodesData,
      },
    ]);
    return true;
  }
}

const isClosed = ({ closedSeconds }: FactorRow): boolean => closedSeconds !== null && closedSeconds > 0;

export function errorFor(fault: CodeFault, { closedSeconds }: FactorRow): UserError {
  if (fault === 'code_missing')
    return UserError.unauthenticated(
      'mfa_required',
      'Send a code of your authenticator, or a recovery code, as `code` along with the password.',
      { methods: ['totp', 'recovery_code'] },
    );
  if (fault === 'too_many_wrong_codes') {
    const detail = 'There were too many wrong codes; wait, or use a recovery code.';
    return new UserError(429, 'too_many_codes', detail, [], {
      'Retry-After': String(Math.max(1, Math.ceil(closedSeconds ?? 0))),
    });
  }
  return UserError.unauthenticated('code_invalid', 'This code is wrong or was used before.', {
    methods: ['totp', 'recovery_code'],
  });
}

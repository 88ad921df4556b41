import { z } from 'zod';
import { instantOut, uuid } from '../../../kernel/http/index.js';
import { anyPassword } from '../../users/index.js';
import { anyCode } from './any-code.js';

export const factorConfirmation = z.strictObject({
  /** Of the authenticator that is being set up. */
  code: anyCode,
  /** Otherwise every session but the one in use ends. */
  keepOtherSessions: z.boolean({ error: 'must be true or false' }).default(false),
});

export const reauthentication = z.strictObject({
  password: anyPassword,
  /** Where a second factor is set up: of the authenticator, or a recovery code. */
  code: anyCode.optional(),
});

export const userIdParam = z.strictObject({ userId: uuid });

export const factorsView = z
  .object({
    isEnrolled: z.boolean(),
    enrolledAt: instantOut.nullable(),
    recoveryCodesLeft: z.int(),
    isRequired: z.boolean().describe('The role of the caller demands a second factor.'),
  })
  .meta({ id: 'Factors' });

export const totpEnrolmentView = z
  .object({
    secret: z.string().describe('In base32, for typing. Shown this once.'),
    otpauthUri: z.string().describe('The same for an authenticator, to be shown as a QR code.'),
  })
  .meta({ id: 'TotpEnrolment' });

export const recoveryCodesView = z
  .object({
    recoveryCodes: z.array(z.string()).describe('Each works once in place of a code. Shown this once.'),
  })
  .meta({ id: 'RecoveryCodes' });

export type FactorConfirmation = z.output<typeof factorConfirmation>;
export type Reauthentication = z.output<typeof reauthentication>;
export type FactorsView = z.output<typeof factorsView>;
export type TotpEnrolmentView = z.output<typeof totpEnrolmentView>;
export type RecoveryCodesView = z.output<typeof recoveryCodesView>;

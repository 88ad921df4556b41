/** Somebody has changed their own password. Channel `account`, subject the user; the person is to be told. */
export const PASSWORD_CHANGED = 'auth.password_changed';

export interface PasswordChangedData {
  /** How many other sessions the change has ended. */
  readonly endedSessions: number;
}

/** A second factor has been set up. Channel `account`, subject the user. */
export const FACTOR_ADDED = 'auth.factor_added';

export interface FactorAddedData {
  readonly kind: 'totp';
  /** It took the place of another one. */
  readonly replaced: boolean;
}

/** A second factor has been removed. Channel `account`, subject the user. */
export const FACTOR_REMOVED = 'auth.factor_removed';

export interface FactorRemovedData {
  readonly kind: 'totp';
  readonly by: 'self' | 'admin' | 'operator';
}

/** A recovery code stood in for the second factor. Channel `account`, subject the user. */
export const RECOVERY_CODE_USED = 'auth.recovery_code_used';

/** New recovery codes were made and the old ones are void. Channel `account`, subject the user. */
export const RECOVERY_CODES_RENEWED = 'auth.recovery_codes_renewed';

export interface RecoveryCodesData {
  readonly codesLeft: number;
}

/** What happened to somebody's account, told to that person. */
export const ACCOUNT_CHANNEL = 'account';

/** A spent refresh token came back and ended its session, which is the subject: somebody else may have a copy. */
export const REFRESH_REUSED = 'auth.refresh_reused';

/**
 * So many wrong logins to an account that further ones have to wait; once in 15 minutes. The subject is the user, who
 * can still log in from a device that has logged in before.
 */
export const LOGIN_GUESSED = 'auth.login_guessed';

export interface LoginGuessedData {
  /** Where the last of them came from. */
  readonly ipAddress: string | null;
}

/** Somebody has changed their own password. The subject is the user. */
export const PASSWORD_CHANGED = 'auth.password_changed';

export interface PasswordChangedData {
  /** How many other sessions the change has ended. */
  readonly endedSessions: number;
}

/** A second factor has been set up. The subject is the user. */
export const FACTOR_ADDED = 'auth.factor_added';

export interface FactorAddedData {
  readonly kind: 'totp';
  /** It took the place of another one. */
  readonly replaced: boolean;
}

/** A second factor has been removed. The subject is the user. */
export const FACTOR_REMOVED = 'auth.factor_removed';

export interface FactorRemovedData {
  readonly kind: 'totp';
  readonly by: 'self' | 'admin' | 'operator';
}

/** A recovery code stood in for the second factor. The subject is the user. */
export const RECOVERY_CODE_USED = 'auth.recovery_code_used';

/** New recovery codes were made and the old ones are void. The subject is the user. */
export const RECOVERY_CODES_RENEWED = 'auth.recovery_codes_renewed';

export interface RecoveryCodesData {
  readonly codesLeft: number;
}

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

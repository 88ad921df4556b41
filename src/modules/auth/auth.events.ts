/** What happened to somebody's account, told to that person. */
export const ACCOUNT_CHANNEL = 'account';

/** A spent refresh token came back and ended its session, which is the subject: somebody else may have a copy. */
export const REFRESH_REUSED = 'auth.refresh_reused';

/** Somebody has changed their own password. The subject is the user. */
export const PASSWORD_CHANGED = 'auth.password_changed';

export interface PasswordChangedData {
  /** How many other sessions the change has ended. */
  readonly endedSessions: number;
}

/** Somebody has changed their own password. Channel `account`, subject the user; the person is to be told. */
export const PASSWORD_CHANGED = 'auth.password_changed';

export interface PasswordChangedData {
  /** How many other sessions the change has ended. */
  readonly endedSessions: number;
}

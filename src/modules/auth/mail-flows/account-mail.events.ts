/**
 * What somebody is to be told by mail, besides the events of the account. Channel `account`, subject the user.
 * `data.tokenId` names the code that goes with it, null for a request about nobody.
 */
export const VERIFICATION_ASKED = 'auth.verification_asked';
export const PASSWORD_RESET_ASKED = 'auth.password_reset_asked';
export const EMAIL_CHANGE_ASKED = 'auth.email_change_asked';
export const EMAIL_CHANGED = 'auth.email_changed';
/** Subject: the session. */
export const NEW_DEVICE_USED = 'auth.new_device_used';

/** The mails that tell of them, and of what else happens to an account. */
export const ACCOUNT_MAILS = [
  'verify-email',
  'reset-password',
  'confirm-new-email',
  'email-change-asked',
  'email-changed',
  'password-changed',
  'new-device',
  'second-factor-added',
  'second-factor-removed',
  'recovery-code-used',
  'recovery-codes-renewed',
] as const;
export type AccountMailName = (typeof ACCOUNT_MAILS)[number];

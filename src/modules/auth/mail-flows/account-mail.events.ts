/** Facts that somebody is to be told by mail. Channel `account`; `data.tokenId` names the code that goes with it. */
export const VERIFICATION_ASKED = 'auth.verification_asked';
export const PASSWORD_RESET_ASKED = 'auth.password_reset_asked';
export const EMAIL_CHANGE_ASKED = 'auth.email_change_asked';
export const EMAIL_CHANGED = 'auth.email_changed';
export const PASSWORD_CHANGED = 'auth.password_changed';
/** Subject: the session. */
export const NEW_DEVICE_USED = 'auth.new_device_used';

export const ACCOUNT_CHANNEL = 'account';

/** The mails that tell of them. */
export const ACCOUNT_MAILS = [
  'verify-email',
  'reset-password',
  'confirm-new-email',
  'email-change-asked',
  'email-changed',
  'password-changed',
  'new-device',
  'second-factor-changed',
] as const;
export type AccountMailName = (typeof ACCOUNT_MAILS)[number];

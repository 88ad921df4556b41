export {
  ACCOUNT_CHANNEL,
  PASSWORD_CHANGED,
  type PasswordChangedData,
  REFRESH_REUSED,
} from './auth.events.js';
export {
  ACCOUNT_MAILS,
  type AccountMailName,
  EMAIL_CHANGE_ASKED,
  EMAIL_CHANGED,
  NEW_DEVICE_USED,
  PASSWORD_RESET_ASKED,
  VERIFICATION_ASKED,
} from './mail-flows/account-mail.events.js';
export {
  type AccountMailContent,
  type AccountMailRequest,
  AccountMails,
} from './mail-flows/account-mails.service.js';
export { AuthModule } from './auth.module.js';
export { FirstAdmin } from './first-admin.js';
export { OperatorReset } from './operator-reset.js';
export { oneTimePassword } from './one-time-password.js';

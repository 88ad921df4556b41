export {
  ACCOUNT_CHANNEL,
  LOGIN_GUESSED,
  type LoginGuessedData,
  FACTOR_ADDED,
  FACTOR_REMOVED,
  PASSWORD_CHANGED,
  RECOVERY_CODE_USED,
  RECOVERY_CODES_RENEWED,
  REFRESH_REUSED,
  type FactorAddedData,
  type FactorRemovedData,
  type PasswordChangedData,
  type RecoveryCodesData,
} from './auth.events.js';
export { OperatorFactors } from './factors/operator-factors.js';
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

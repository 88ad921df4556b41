export {
  ACCOUNT_CHANNEL,
  LOGIN_GUESSED,
  type LoginGuessedData,
  PASSWORD_CHANGED,
  type PasswordChangedData,
  REFRESH_REUSED,
} from './auth.events.js';
export { AuthModule } from './auth.module.js';
export { FirstAdmin } from './first-admin.js';
export { OperatorReset } from './operator-reset.js';
export { oneTimePassword } from './one-time-password.js';

export { AuthModule } from './auth.module.js';
export { FirstAdmin } from './first-admin.js';
export { oneTimePassword } from './one-time-password.js';

export { AuthModule } from './auth.module.js';
export { FirstAdmin } from './first-admin.js';

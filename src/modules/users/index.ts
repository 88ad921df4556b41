export { type AccountHook, AccountHooks, type PersonalRecords } from './account-hooks.js';
export { PasswordHasher } from './password-hasher.js';
export { ErasuresService } from './personal-data/erasures.service.js';
export { ExportsService } from './personal-data/exports.service.js';
export { UsersModule } from './users.module.js';
export {
  anyIdentifier,
  anyPassword,
  emailIn,
  fullNameIn,
  newPassword,
  usernameIn,
  userView,
  type UserView,
} from './users.schema.js';
export { type Credentials, type NewUser, UsersService } from './users.service.js';
export type { Rights } from './users.repository.js';

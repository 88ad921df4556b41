export { type AccountHook, AccountHooks, type PersonalRecords } from './account-hooks.js';
export { EmailAddresses } from './email-addresses.service.js';
export type { Mailbox } from './email-addresses.repository.js';
export { TARGET_MS, calibrate, thisMachine } from './passwords/calibrate.js';
export { identifierKey } from './identifiers.js';
export { PasswordHasher } from './passwords/password-hasher.js';
export { passwordProblem, refuseWeakPassword, type PasswordOwner } from './passwords/password-policy.js';
export type { Locality } from './preferences/preferences.repository.js';
export { UserPreferences } from './preferences/user-preferences.js';
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

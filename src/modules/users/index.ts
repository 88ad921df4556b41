export { type AccountHook, AccountHooks, type PersonalRecords } from './account-hooks.js';
export { EmailAddresses } from './email-addresses.service.js';
export type { Mailbox } from './email-addresses.repository.js';
export { PasswordHasher } from './password-hasher.js';
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

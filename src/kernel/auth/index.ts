export { CurrentActor, Public, Requires } from './access.js';
export {
  type Actor,
  USER_ROLES,
  type UserActor,
  type UserRole,
  hasRole,
  isAdmin,
  userIdOf,
} from './actor.js';
export { Authenticator } from './authenticator.js';

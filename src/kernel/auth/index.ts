export { CurrentActor, CurrentSession, Public, Requires, type Demands, type Scope } from './access.js';
export {
  type Actor,
  type SessionActor,
  USER_ROLES,
  type UserActor,
  type UserRole,
  credentialOf,
  hasRole,
  isAdmin,
  userIdOf,
} from './actor.js';
export { Authenticator, type Identity } from './authenticator.js';
export { type DeclaredRoute, DeclaredRoutes } from './declared-routes.js';

/** The roles of a user, weakest first (S1-4). */
export const USER_ROLES = ['user', 'power_user', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/**
 * Who asks. An API key, a schedule and a running job act for their owner with the owner's rights of now; the system
 * is Steward itself.
 */
export type Actor =
  | { readonly type: 'user'; readonly userId: string; readonly role: UserRole; readonly sessionId: string }
  | { readonly type: 'api_key'; readonly userId: string; readonly role: UserRole; readonly keyId: string }
  | { readonly type: 'schedule'; readonly userId: string; readonly role: UserRole; readonly ruleId: string }
  | { readonly type: 'job'; readonly userId: string; readonly role: UserRole; readonly jobId: string }
  | { readonly type: 'system'; readonly name: string };

/** A person who has logged in. */
export type SessionActor = Extract<Actor, { type: 'user' }>;

/** Somebody with an account, in person or by a key: what a signed-in route is given. */
export type UserActor = SessionActor | Extract<Actor, { type: 'api_key' }>;

export function hasRole(actor: Actor, role: UserRole): boolean {
  return actor.type === 'system' || USER_ROLES.indexOf(actor.role) >= USER_ROLES.indexOf(role);
}

export const isAdmin = (actor: Actor): boolean => hasRole(actor, 'admin');

/** The user an action is done as, null for the system itself. */
export const userIdOf = (actor: Actor): string | null => (actor.type === 'system' ? null : actor.userId);

/** Tells apart the sessions and keys that requests come from. */
export const credentialOf = (actor: UserActor): string =>
  actor.type === 'user' ? `session ${actor.sessionId}` : `key ${actor.keyId}`;

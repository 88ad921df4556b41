/** The roles of a user, weakest first (S1-4). */
export const USER_ROLES = ['user', 'power_user', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/**
 * Who asks. A schedule and a running job act for their owner with the owner's rights of now; the system is Steward
 * itself.
 */
export type Actor =
  | { readonly type: 'user'; readonly userId: string; readonly role: UserRole; readonly sessionId: string }
  | { readonly type: 'schedule'; readonly userId: string; readonly role: UserRole; readonly ruleId: string }
  | { readonly type: 'job'; readonly userId: string; readonly role: UserRole; readonly jobId: string }
  | { readonly type: 'system'; readonly name: string };

/** Somebody with an account: what every signed-in route is given. */
export type UserActor = Extract<Actor, { type: 'user' }>;

export function hasRole(actor: Actor, role: UserRole): boolean {
  return actor.type === 'system' || USER_ROLES.indexOf(actor.role) >= USER_ROLES.indexOf(role);
}

export const isAdmin = (actor: Actor): boolean => hasRole(actor, 'admin');

/** The user an action is done as, null for the system itself. */
export const userIdOf = (actor: Actor): string | null => (actor.type === 'system' ? null : actor.userId);

import { hasRole, isAdmin, userIdOf, type Actor } from '../../kernel/auth/index.js';
import type { JobDefinition } from './definition/define-job.js';

/** May this actor? Pure answers; what may not be known to exist is the service's 404. */
export const jobsPolicy = {
  create: (actor: Actor, { requiredRole }: JobDefinition): boolean =>
    requiredRole === 'system' ? actor.type === 'system' : hasRole(actor, requiredRole),
  /** See, cancel and retry it. */
  access: (actor: Actor, job: { readonly userId: string | null }): boolean =>
    isAdmin(actor) || userIdOf(actor) === job.userId,
  listOthers: (actor: Actor): boolean => isAdmin(actor),
};

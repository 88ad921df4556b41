import { isAdmin, userIdOf, type Actor } from '../../../kernel/auth/index.js';
import type { Standing } from './remote-access.js';

/** May this actor? Pure answers about who may use a remote, for actors for whom the remote exists. */
export const remotePermissionsPolicy = {
  /** See and change what others may do on it. */
  manage: (standing: Pick<Standing, 'rights'>): boolean => standing.rights.includes('admin'),
  /** See what this user may do, and why. */
  see: (actor: Actor, standing: Pick<Standing, 'rights'>, userId: string): boolean =>
    userIdOf(actor) === userId || standing.rights.includes('admin'),
  /**
   * Change what this user may do. Whoever manages a remote of somebody else's is bound by the rules they were given,
   * and would be bound by none if they could change their own.
   */
  change: (actor: Actor, ownerId: string, userId: string): boolean =>
    isAdmin(actor) || userIdOf(actor) === ownerId || userIdOf(actor) !== userId,
};

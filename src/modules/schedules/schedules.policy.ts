import { isAdmin, userIdOf, type Actor } from '../../kernel/auth/index.js';

/** May this actor? Pure answers; what may not be known to exist is the service's 404. */
export const schedulesPolicy = {
  /** See, change, pause, run and delete it. */
  access: (actor: Actor, { userId }: { readonly userId: string | null }): boolean =>
    isAdmin(actor) || (userId !== null && userIdOf(actor) === userId),
  listOthers: (actor: Actor): boolean => isAdmin(actor),
};

import { isAdmin, userIdOf, type Actor } from '../../kernel/auth/index.js';
import type { RemoteType } from './types/remote-types.js';

interface Owned {
  readonly ownerId: string;
}

/** May this actor? Pure answers; a remote the actor may not use is one it may not know exists (404). */
export const remotesPolicy = {
  /** Make a remote of this type; a setting may leave that to admins. */
  make: (actor: Actor, type: RemoteType, madeBy: 'users' | 'admins'): boolean =>
    isAdmin(actor) || (madeBy === 'users' && remotesPolicy.place(actor, type)),
  /** Say where it is: a local folder belongs to the server, so only admins hand it out. */
  place: (actor: Actor, type: RemoteType): boolean => type !== 'local' || isAdmin(actor),
  /** See it, list and copy its files, change and delete it. */
  access: (actor: Actor, remote: Owned): boolean => isAdmin(actor) || userIdOf(actor) === remote.ownerId,
  /** See where on the server it is. */
  seeRoot: (actor: Actor, remote: Owned): boolean => isAdmin(actor) || userIdOf(actor) === remote.ownerId,
  listOthers: (actor: Actor): boolean => isAdmin(actor),
};

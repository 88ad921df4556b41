import { isAdmin, userIdOf, type Actor } from '../../kernel/auth/index.js';
import type { RemoteType } from './types/remote-types.js';

interface Owned {
  readonly ownerId: string;
}

/** May this actor? Pure answers; a remote the actor may not use is one it may not know exists (404). */
export const remotesPolicy = {
  /** Make a remote of this type, or move one: a local folder belongs to the server, so only admins hand it out. */
  place: (actor: Actor, _type: RemoteType): boolean => isAdmin(actor),
  /** See it, list and copy its files, change and delete it. */
  access: (actor: Actor, remote: Owned): boolean => isAdmin(actor) || userIdOf(actor) === remote.ownerId,
  /** See where on the server it is. */
  seeRoot: (actor: Actor, remote: Owned): boolean => isAdmin(actor) || userIdOf(actor) === remote.ownerId,
  listOthers: (actor: Actor): boolean => isAdmin(actor),
};

import { isAdmin, type Actor } from '../../kernel/auth/index.js';
import type { RemoteType } from './types/remote-types.js';

/** May this actor? Pure answers; what it may do on a remote that is there says `RemoteAccess`. */
export const remotesPolicy = {
  /** Make a remote of this type; a setting may leave that to admins. */
  make: (actor: Actor, type: RemoteType, madeBy: 'users' | 'admins'): boolean =>
    isAdmin(actor) || (madeBy === 'users' && remotesPolicy.place(actor, type)),
  /** Say where it is: a local folder belongs to the server, so only admins hand it out. */
  place: (actor: Actor, type: RemoteType): boolean => type !== 'local' || isAdmin(actor),
  listOthers: (actor: Actor): boolean => isAdmin(actor),
};

import { isAdmin, type Actor } from '../../kernel/auth/index.js';
import type { RemoteType } from './types/remote-types.js';

/** May this actor? Pure answers; what it may do on a remote that is there says `RemoteAccess`. */
export const remotesPolicy = {
  /** Make a remote of this type, or move one: a local folder belongs to the server, so only admins hand it out. */
  place: (actor: Actor, _type: RemoteType): boolean => isAdmin(actor),
  listOthers: (actor: Actor): boolean => isAdmin(actor),
};

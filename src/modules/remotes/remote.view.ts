import type { Actor } from '../../kernel/auth/index.js';
import type { RemoteEntity } from './remote.entity.js';
import { remotesPolicy } from './remotes.policy.js';
import type { RemoteView } from './remotes.schema.js';

export function toRemoteView(remote: RemoteEntity, actor: Actor): RemoteView {
  return {
    id: remote.id,
    name: remote.name,
    type: remote.type,
    root: remotesPolicy.seeRoot(actor, remote) ? remote.root : null,
    status: remote.status,
    statusDetail: remote.statusDetail,
    lastCheckedAt: remote.lastCheckedAt?.toISOString() ?? null,
    // Local folders need none.
    hasSecrets: false,
    ownerId: remote.ownerId,
    createdAt: remote.createdAt.toISOString(),
    updatedAt: remote.updatedAt.toISOString(),
  };
}

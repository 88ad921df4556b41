import type { RemoteEntity } from './remote.entity.js';
import type { Right } from './permissions/path-rules.js';
import type { RemoteView } from './remotes.schema.js';

/** As somebody with these rights sees it: its configuration is for who manages it. */
export function toRemoteView(remote: RemoteEntity, rights: readonly Right[]): RemoteView {
  return {
    id: remote.id,
    name: remote.name,
    type: remote.type,
    root: rights.includes('admin') ? remote.root : null,
    status: remote.status,
    statusDetail: remote.statusDetail,
    lastCheckedAt: remote.lastCheckedAt?.toISOString() ?? null,
    // Local folders need none.
    hasSecrets: false,
    ownerId: remote.ownerId,
    permissions: [...rights],
    createdAt: remote.createdAt.toISOString(),
    updatedAt: remote.updatedAt.toISOString(),
  };
}

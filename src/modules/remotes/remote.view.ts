import type { RemotePartEntity } from './parts/remote-part.entity.js';
import type { RemoteEntity } from './remote.entity.js';
import type { Right } from './permissions/path-rules.js';
import type { RemoteView } from './remotes.schema.js';

/** As somebody with these rights sees it: its configuration is for who manages it. */
export function toRemoteView(
  remote: RemoteEntity,
  parts: readonly RemotePartEntity[],
  rights: readonly Right[],
): RemoteView {
  const manages = rights.includes('admin');
  return {
    id: remote.id,
    name: remote.name,
    type: remote.type,
    root: manages ? remote.root : null,
    status: remote.status,
    statusDetail: remote.statusDetail,
    lastCheckedAt: remote.lastCheckedAt?.toISOString() ?? null,
    options: manages ? remote.options : {},
    hasSecrets: remote.secretNames.length > 0,
    secrets: manages ? remote.secretNames : [],
    parts: parts
      .filter(({ remoteId }) => manages && remoteId === remote.id)
      .map(({ partId, path, name, readOnly }) => ({ remoteId: partId, path, name, readOnly })),
    ownerId: remote.ownerId,
    permissions: [...rights],
    createdAt: remote.createdAt.toISOString(),
    updatedAt: remote.updatedAt.toISOString(),
  };
}

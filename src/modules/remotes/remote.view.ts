import type { Actor } from '../../kernel/auth/index.js';
import type { FileEntry } from './engine/transfer-engine.js';
import type { RemotePartEntity } from './parts/remote-part.entity.js';
import type { RemoteEntity } from './remote.entity.js';
import { displayPath } from './remote-path.js';
import { remotesPolicy } from './remotes.policy.js';
import type { FileView, RemoteView } from './remotes.schema.js';

export function toRemoteView(
  remote: RemoteEntity,
  parts: readonly RemotePartEntity[],
  actor: Actor,
): RemoteView {
  return {
    id: remote.id,
    name: remote.name,
    type: remote.type,
    root: remote.type !== 'local' || remotesPolicy.seeRoot(actor, remote) ? remote.root : null,
    status: remote.status,
    statusDetail: remote.statusDetail,
    lastCheckedAt: remote.lastCheckedAt?.toISOString() ?? null,
    options: remote.options,
    hasSecrets: remote.secretNames.length > 0,
    secrets: remote.secretNames,
    parts: parts
      .filter(({ remoteId }) => remoteId === remote.id)
      .map(({ partId, path, name, readOnly }) => ({ remoteId: partId, path, name, readOnly })),
    ownerId: remote.ownerId,
    createdAt: remote.createdAt.toISOString(),
    updatedAt: remote.updatedAt.toISOString(),
  };
}

export function toFileView({ name, path, size, isDir, modifiedAt }: FileEntry): FileView {
  return { name, path: displayPath(path), size, isDir, modifiedAt };
}

import type { RemotePermissionEntity } from './remote-permission.entity.js';
import type { PermissionView } from './remote-permissions.schema.js';

export function toPermissionView(row: RemotePermissionEntity): PermissionView {
  const { userId, remoteId, permissions, isActive, createdBy, version } = row;
  return {
    userId,
    remoteId,
    permissions,
    pathRules: row.pathRules.map(({ path, allow, deny }) => ({ path, allow: [...allow], deny: [...deny] })),
    isActive,
    createdBy,
    version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

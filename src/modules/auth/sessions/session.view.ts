import type { SessionView } from '../auth.schema.js';
import { storedDeviceInfo } from './device-info.js';
import type { SessionRow } from './sessions.repository.js';

export function toSessionView(row: SessionRow, currentSessionId: string): SessionView {
  return {
    id: row.id,
    deviceInfo: storedDeviceInfo(row.device_info),
    userAgent: row.user_agent,
    ipAddress: row.ip_address,
    lastActivityAt: row.last_activity_at.toISOString(),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    isCurrent: row.id === currentSessionId,
  };
}

/** A session as the subject of an audit entry. */
export const sessionResource = (id: string): { type: string; id: string } => ({ type: 'session', id });

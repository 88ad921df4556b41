import type { RemoteStatus } from './remotes.schema.js';

/** Recorded when a check finds another status than the one before. Channel `remotes`, subject the remote. */
export const REMOTE_STATUS_CHANGED = 'remote.status_changed';

export interface RemoteStatusChangedData {
  readonly name: string;
  readonly from: RemoteStatus;
  readonly to: RemoteStatus;
  readonly detail: string | null;
}

/** Hub topic: files of a remote were written, so what is remembered of it is old. Lost: known 60 s later. */
export const REMOTE_FILES_CHANGED_TOPIC = 'remote-files-changed';
export interface RemoteFilesChanged {
  readonly remoteId: string;
  /** Where, or above: it begins with a slash. Absent: anywhere. */
  readonly path?: string;
  /** The remotes this one is made of, whose files have changed with it. */
  readonly partIds?: readonly string[];
}

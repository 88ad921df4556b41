/** Kinds of places files can be in. What each is configured with stands beside this file. */
export const REMOTE_TYPES = [
  'local',
  'alias',
  'sftp',
  'webdav',
  's3',
  'ftp',
  'http',
  'drive',
  'dropbox',
  'onedrive',
  'b2',
  'azureblob',
  'gcs',
  'crypt',
  'union',
  'combine',
] as const;
export type RemoteType = (typeof REMOTE_TYPES)[number];

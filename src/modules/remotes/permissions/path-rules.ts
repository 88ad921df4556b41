import type { RemotePath } from '../remote-path.js';

/** What can be done on a remote (S1-11). `admin` is managing it: its configuration and who may use it. */
export const RIGHTS = ['read', 'write', 'delete', 'admin'] as const;
export type Right = (typeof RIGHTS)[number];

/** What can be done with files, and so what a rule can speak of: managing a remote has no path. */
export const FILE_RIGHTS = ['read', 'write', 'delete'] as const;
export type FileRight = (typeof FILE_RIGHTS)[number];

/** One rule about the places its glob names and everything below them (S1-13). */
export interface PathRule {
  readonly path: string;
  readonly allow: readonly FileRight[];
  readonly deny: readonly FileRight[];
}

/** What may be told of each entry of a listing. */
export interface PathFilter {
  /** Whether somebody may see this entry: it may be read, or is a folder on the way to something that may be. */
  shows(path: RemotePath, isDir: boolean): boolean;
}

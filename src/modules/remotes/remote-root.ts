import { InvalidRemotePath, displayPath, parseRemotePath } from './remote-path.js';
import type { RemoteTypeDefinition } from './types/remote-type.js';

export type FarRootKind = Exclude<RemoteTypeDefinition['root'], 'folder'>;

/** The root of a remote that is not local, where nobody says another. */
export const DEFAULT_ROOT: Readonly<Record<FarRootKind, string>> = { home: '~', path: '/', none: '/' };

/**
 * The root of a remote in its plain form: `/a/b`, and where the far side has home folders `~` and `~/a` besides. Throws
 * `InvalidRemotePath`.
 */
export function plainRoot(kind: FarRootKind, root: string): string {
  if (kind === 'none') return DEFAULT_ROOT.none;
  if (kind === 'path') return displayPath(parseRemotePath(root));
  if (root.startsWith('/')) return displayPath(parseRemotePath(root));
  if (root !== '~' && !root.startsWith('~/'))
    throw new InvalidRemotePath('not_rooted', 'The root must begin with / or ~.');
  const below = parseRemotePath(root.slice(1));
  return below === '' ? '~' : `~/${below}`;
}

/** What rclone is given behind the colon: relative, except for an absolute path where there are home folders. */
export function engineRoot(kind: FarRootKind, root: string): string {
  const plain = plainRoot(kind, root);
  if (kind === 'home') return plain.replace(/^~\/?/, '');
  return plain.slice(1);
}

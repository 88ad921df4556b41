import type { RemoteType } from '../types/remote-types.js';
import type { RuleSpelling } from './path-rules.js';

/** What stores names without telling upper from lower case, as rclone knows of them. */
const IGNORING_CASE: readonly RemoteType[] = ['dropbox', 'onedrive'];

/** File systems that ignore it unless somebody has set them up otherwise. */
const HOSTS_IGNORING_CASE: readonly string[] = ['darwin', 'win32'];

/** How rules compare names on a remote of this type, which is made of remotes of those. */
export function spellingOfRemote(
  type: RemoteType,
  madeOf: readonly RemoteType[],
  host: string = process.platform,
): RuleSpelling {
  const ignores = (one: RemoteType): boolean =>
    IGNORING_CASE.includes(one) || (one === 'local' && HOSTS_IGNORING_CASE.includes(host));
  return {
    denied: { ignoresCase: ignores(type) || madeOf.some(ignores) },
    // An encrypted name, for example, has a case that the remote below it does not know of.
    allowed: { ignoresCase: ignores(type) },
  };
}

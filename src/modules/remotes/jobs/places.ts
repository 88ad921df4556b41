import { UserError } from '../../../kernel/http/index.js';
import type { Place, TransferEngine, TransferOptions } from '../engine/transfer-engine.js';
import { isHidden, withoutRepeats } from '../names/hidden.js';
import { baseName, parseRemotePath } from '../remote-path.js';
import type { GrantedPlace } from './file-claims.js';

export const placeOf = ({ remote, path }: GrantedPlace): Place => ({ remoteId: remote.id, path });

/** What rules hide on any of the sides: a path below one of them is the same path below the others. */
export function hiddenOf(...places: readonly GrantedPlace[]): Pick<TransferOptions, 'hidden'> {
  const hidden = withoutRepeats(places.flatMap((place) => place.hidden));
  return hidden.length > 0 ? { hidden } : {};
}

/**
 * What is hidden counts for folders. A single file that goes into a folder by its name may be one that rules keep
 * from there.
 */
export async function refuseHiddenFile(
  engine: TransferEngine,
  source: GrantedPlace,
  destination: GrantedPlace,
): Promise<void> {
  if (!isHidden(destination.hidden, parseRemotePath(baseName(source.path)))) return;
  const entry = await engine.stat(source.remote, source.path);
  if (entry?.isDir === true) return;
  throw UserError.forbidden(
    'You do not have the right to write this file there.',
    'remote_permission_required',
  );
}

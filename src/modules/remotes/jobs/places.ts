import { UserError } from '../../../kernel/http/index.js';
import type { Place, TransferEngine, TransferOptions } from '../engine/transfer-engine.js';
import { baseName, comparisonKey } from '../remote-path.js';
import type { GrantedPlace } from './file-claims.js';

export const placeOf = ({ remote, path }: GrantedPlace): Place => ({ remoteId: remote.id, path });

/** What rules hide on any of the sides: a path below one of them is the same path below the others. */
export function hiddenOf(...places: readonly GrantedPlace[]): Pick<TransferOptions, 'hidden'> {
  const hidden = [...new Set(places.flatMap((place) => place.hidden))];
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
  const name = comparisonKey(baseName(source.path));
  if (!destination.hidden.some((path) => comparisonKey(path) === name)) return;
  const entry = await engine.stat(source.remote, source.path);
  if (entry?.isDir === true) return;
  throw UserError.forbidden(
    'You do not have the right to write this file there.',
    'remote_permission_required',
  );
}

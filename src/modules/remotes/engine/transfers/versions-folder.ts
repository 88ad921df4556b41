import {
  type RemotePath,
  baseName,
  displayPath,
  joinRemotePath,
  parseRemotePath,
} from '../../remote-path.js';
import { TransferError } from '../transfer-engine.js';

const MOST_REPEATS = 1_000;

/**
 * The folder for the versions of this attempt: `wanted`, or where that exists already the first free of
 * `wanted-r2`, `wanted-r3` … A second run into one folder would overwrite the versions the first one saved there,
 * and after a crash nobody knows whether there was a first one. `siblings`: names in the folder that holds it.
 */
export function freeVersionsFolder(wanted: RemotePath, siblings: ReadonlySet<string>): RemotePath {
  const name = baseName(wanted);
  if (!siblings.has(name)) return wanted;
  const parent = parseRemotePath(wanted.slice(0, wanted.length - name.length));
  for (let repeat = 2; repeat <= MOST_REPEATS; repeat++) {
    const next = `${name}-r${repeat}`;
    if (!siblings.has(next)) return joinRemotePath(parent, next);
  }
  throw new TransferError('exists', `There are too many version folders like ${displayPath(wanted)}.`);
}

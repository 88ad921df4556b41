import type { EngineRemote } from '../engine/transfer-engine.js';
import { type RemotePath, comparisonKey } from '../remote-path.js';

/** A place as locks compare it. */
export interface LockPlace {
  /** Only paths of one scope can be compared. */
  readonly scope: string;
  /** Without slashes at its ends; the root of the scope is empty. */
  readonly key: string;
  readonly writes: boolean;
  /** The composed remote that leads there; null for a place that is named itself. */
  readonly through: string | null;
}

/** All local remotes are on one disk, where the folders of two of them may lie in each other. */
const DISK = 'disk';

export const remoteScope = (remoteId: string): string => `remote:${remoteId}`;

/**
 * The place itself and everything it rests on: the folder of the disk for a local remote, the parts of a composed one.
 * Of a crypt always the whole part, because the names below it are encrypted.
 */
export function lockPlaces(remote: EngineRemote, path: RemotePath, writes: boolean): LockPlace[] {
  return placesOf(remote, path, writes, null);
}

function placesOf(remote: EngineRemote, path: string, writes: boolean, through: string | null): LockPlace[] {
  const own: LockPlace = { scope: remoteScope(remote.id), key: keyOf(path), writes, through };
  const whole = joined(remote.root, path);
  if (remote.type === 'local') return [own, { scope: DISK, key: keyOf(whole), writes, through }];
  const below = remote.parts.flatMap((part) => {
    const rest = restIn(remote, part.name, whole);
    if (rest === null) return [];
    return placesOf(part.remote, joined(part.path, rest), writes && !part.readOnly, through ?? remote.id);
  });
  return [own, ...below];
}

/** Where in a part a path of its whole may be; null: nowhere. */
function restIn({ type }: EngineRemote, name: string | null, whole: string): string | null {
  if (type === 'crypt') return '';
  if (type !== 'combine' || name === null || whole === '') return whole;
  if (whole === name) return '';
  return whole.startsWith(`${name}/`) ? whole.slice(name.length + 1) : null;
}

const joined = (...parts: string[]): string =>
  parts
    .join('/')
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');

/** Names that differ only in case are one file on some disks; taking them for one elsewhere only makes a job wait. */
const keyOf = (path: string): string => comparisonKey(comparisonKey(joined(path)).toLowerCase());

/** Whether two jobs must not be at these two places at the same time. */
export function conflicts(one: LockPlace, other: LockPlace): boolean {
  if (one.scope !== other.scope || !(one.writes || other.writes)) return false;
  // Both lead through the same composed remote: their places in that one are compared, which says more.
  if (one.through !== null && one.through === other.through) return false;
  return overlap(one, other);
}

/** Whether one is the other or lies in it. */
export function overlap(
  one: Pick<LockPlace, 'scope' | 'key'>,
  other: Pick<LockPlace, 'scope' | 'key'>,
): boolean {
  return isInside(one, other) || isInside(other, one);
}

/** Whether `one` is `other` or lies in it. */
export function isInside(
  one: Pick<LockPlace, 'scope' | 'key'>,
  other: Pick<LockPlace, 'scope' | 'key'>,
): boolean {
  return (
    one.scope === other.scope &&
    (other.key === '' || one.key === other.key || one.key.startsWith(`${other.key}/`))
  );
}

/** The same for two places of remotes, whatever they rest on; two of one remote are compared in that one. */
export function liesIn(
  inner: { readonly remote: EngineRemote; readonly path: RemotePath },
  outer: { readonly remote: EngineRemote; readonly path: RemotePath },
): boolean {
  const places = ({ remote, path }: typeof inner): LockPlace[] => lockPlaces(remote, path, false);
  const [one, other] = [places(inner), places(outer)];
  if (inner.remote.id === outer.remote.id) return isInside(one[0]!, other[0]!);
  return one.some((place) => other.some((around) => isInside(place, around)));
}

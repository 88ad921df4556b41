/**
 * A stable, evenly spread 32-bit number of a seed (FNV-1a with MurmurHash3's finalizer). It must never change:
 * the planned instants of every rule with jitter depend on it, and a slot planned twice would run twice.
 */
export function jitterHash(seed: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < seed.length; index += 1) {
    hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

import { parseRemotePath, type RemotePath } from '../remote-path.js';
import { type Letters, lettersOf, partsOf } from './letters.js';

/**
 * Every way in which Unicode can write a name: composed (NFC, what most systems keep), decomposed (NFD, what macOS
 * keeps), anything between, marks in another order, and characters that are only another code for the same one (the
 * kelvin sign is a K). Rules compare names by their NFC; a program that compares bytes must be told all of them, or
 * one that was forgotten is not kept back.
 *
 * The paths made of these names, in NFC; null where they are more than `most`.
 */
export function spellingsOf(names: readonly string[], most: number): RemotePath[] | null {
  let paths = [''];
  for (const name of names) {
    const spelled = spellingsOfName(name, most);
    if (spelled === null || spelled.length * paths.length > most) return null;
    paths = paths.flatMap((path) => spelled.map((one) => `${path}/${one}`));
  }
  return paths.length > most ? null : paths.map((path) => parseRemotePath(path));
}

export function spellingsOfName(name: string, most: number): string[] | null {
  const letters = lettersOf({ ignoresCase: false });
  let spelled = [''];
  for (const cluster of clustersOf(partsOf(name, letters.spelling), letters)) {
    const forms = spellingsOfCluster(cluster, letters, most);
    if (forms === null || forms.length * spelled.length > most) return null;
    spelled = spelled.flatMap((beginning) => forms.map((form) => beginning + form));
  }
  return spelled;
}

/** Every way to write one cluster; null where there are more than `most`. */
export function spellingsOfCluster(
  cluster: readonly string[],
  letters: Letters,
  most: number,
): string[] | null {
  const forms: string[] = [];
  return collect(cluster, '', letters, forms, most) ? forms : null;
}

/** The runs of parts within which spellings differ: one that stands by itself with what continues it. */
export function clustersOf(parts: string, letters: Letters): string[][] {
  const clusters: string[][] = [];
  for (const part of parts) {
    const cluster = clusters.at(-1);
    if (cluster && letters.continues(part)) cluster.push(part);
    else clusters.push([part]);
  }
  return clusters;
}

/** Adds every text that begins with `beginning` and goes on with another spelling of `rest`; false: too many. */
function collect(
  rest: readonly string[],
  beginning: string,
  letters: Letters,
  found: string[],
  most: number,
): boolean {
  if (rest.length === 0) {
    found.push(beginning);
    return found.length <= most;
  }
  const whole = rest.join('');
  for (const candidate of candidatesFor(rest, letters)) {
    const parts = partsOf(candidate, letters.spelling);
    const left = without(rest, parts);
    if (left === null || `${parts}${left.join('')}`.normalize('NFD') !== whole) continue;
    if (!collect(left, beginning + candidate, letters, found, most)) return false;
  }
  return true;
}

/** What the text may begin with: each of its parts, and all that is made of some of them. */
function candidatesFor(rest: readonly string[], letters: Letters): Set<string> {
  const candidates = new Set<string>();
  for (const part of rest) {
    candidates.add(part);
    for (const one of letters.beginningWith(part)) candidates.add(one);
  }
  for (const length of [2, 3]) {
    const composed = rest.slice(0, length).join('').normalize('NFC');
    if (/^[\uac00-\ud7a3]$/.test(composed)) candidates.add(composed);
  }
  return candidates;
}

/** `rest` with the parts of `taken` removed, each where it is first; null when one is not there. */
function without(rest: readonly string[], taken: string): string[] | null {
  const left = [...rest];
  for (const part of taken) {
    const at = left.indexOf(part);
    if (at < 0) return null;
    left.splice(at, 1);
  }
  return left;
}

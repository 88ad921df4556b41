import { parseRemotePath, type RemotePath } from '../remote-path.js';

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
  let spelled = [''];
  for (const cluster of clustersOf(name.normalize('NFD'))) {
    const forms: string[] = [];
    if (!collect(cluster, '', forms, most) || forms.length * spelled.length > most) return null;
    spelled = spelled.flatMap((beginning) => forms.map((form) => beginning + form));
  }
  return spelled;
}

/** The runs of characters within which spellings differ: one that stands by itself with the marks upon it. */
function clustersOf(decomposed: string): string[][] {
  const clusters: string[][] = [];
  for (const character of decomposed) {
    const cluster = clusters.at(-1);
    if (cluster && joins(cluster.at(-1)!, character)) cluster.push(character);
    else clusters.push([character]);
  }
  return clusters;
}

/** Marks, and what composes with what is before it: the parts of a Korean syllable, and a few letters. */
const joins = (before: string, character: string): boolean =>
  /\p{M}/u.test(character) ||
  (/[\u1100-\u1112\u1161-\u1175]/.test(before) && /[\u1161-\u1175\u11a8-\u11c2]/.test(character)) ||
  (before + character).normalize('NFC') !== before.normalize('NFC') + character.normalize('NFC');

/** Adds every text that begins with `beginning` and goes on with another spelling of `rest`; false: too many. */
function collect(rest: readonly string[], beginning: string, found: string[], most: number): boolean {
  if (rest.length === 0) {
    found.push(beginning);
    return found.length <= most;
  }
  const whole = rest.join('');
  for (const candidate of candidatesFor(rest)) {
    const left = without(rest, candidate.normalize('NFD'));
    if (left === null || `${candidate}${left.join('')}`.normalize('NFD') !== whole) continue;
    if (!collect(left, beginning + candidate, found, most)) return false;
  }
  return true;
}

/** What the text may begin with: each of its characters, and all that decompose to some of them. */
function candidatesFor(rest: readonly string[]): Set<string> {
  const candidates = new Set<string>();
  for (const character of rest) {
    candidates.add(character);
    for (const one of composedFrom().get(character) ?? []) candidates.add(one);
  }
  for (const length of [2, 3]) {
    const composed = rest.slice(0, length).join('').normalize('NFC');
    if (/^[\uac00-\ud7a3]$/.test(composed)) candidates.add(composed);
  }
  return candidates;
}

/** `rest` with the characters of `taken` removed, each where it is first; null when one is not there. */
function without(rest: readonly string[], taken: string): string[] | null {
  const left = [...rest];
  for (const character of taken) {
    const at = left.indexOf(character);
    if (at < 0) return null;
    left.splice(at, 1);
  }
  return left;
}

/** All that Unicode decomposes is below. */
const END_OF_DECOMPOSED = 0x2fa20;
const HANGUL = [0xac00, 0xd7a3] as const;

let table: Map<string, string[]> | undefined;

/** Characters that decompose, by the first character they decompose to; Korean syllables are computed instead. */
function composedFrom(): Map<string, string[]> {
  if (table) return table;
  table = new Map();
  for (let code = 0xa0; code < END_OF_DECOMPOSED; code += 1) {
    if (code === HANGUL[0]) code = HANGUL[1] + 1;
    const character = String.fromCodePoint(code);
    const decomposed = character.normalize('NFD');
    if (decomposed === character) continue;
    const first = String.fromCodePoint(decomposed.codePointAt(0)!);
    table.set(first, [...(table.get(first) ?? []), character]);
  }
  return table;
}

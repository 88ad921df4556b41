import { nameKey, type Spelling } from './name-key.js';

/**
 * What Unicode makes of the characters of names, as far as it matters for which texts have one key. A character is
 * taken apart into its _parts_: the decomposed form of its key. A text is the same as another exactly where their
 * parts are, put in Unicode's order.
 *
 * A part that nothing has but as its first, and that is no mark, _begins_ a cluster; all others _continue_ one. What
 * is done to a text by composing, decomposing or reordering is done within its clusters: the place before a part that
 * begins one is a place between two characters in every spelling, and both sides can be judged by themselves.
 */
export interface Letters {
  readonly spelling: Spelling;
  /** Other characters whose parts begin with this one; Korean syllables are computed instead. */
  beginningWith(part: string): readonly string[];
  continues(part: string): boolean;
  /** Every character whose first part continues a cluster, with its parts. */
  readonly joining: readonly Joining[];
  /** Those of them that may be one character with what is before them. */
  readonly absorbed: CodeRanges;
  /** Characters that are, or may be, several when composed. */
  readonly several: CodeRanges;
  /** Characters of three parts and more, which a mark behind them can make several. */
  readonly deep: CodeRanges;
  readonly joiningRanges: CodeRanges;
}

export interface Joining {
  readonly character: string;
  readonly parts: string;
}

/** Code points from … to, both included, in order. */
export type CodeRanges = readonly (readonly [from: number, to: number])[];

/** All that Unicode decomposes and all its marks are below. */
const END = 0x2fc00;
const BLOCK = 64;
/** Every mark is reordered with one of these two: the first and the last in Unicode's order. */
const [LOWEST, HIGHEST] = ['\u0334', '\u0345'] as const;

/** The parts of a text, in Unicode's order. */
export const partsOf = (text: string, spelling: Spelling): string => nameKey(text, spelling).normalize('NFD');

/** Whether these two marks keep their order whatever happens; also where one of them is no mark. */
export const keepOrder = (one: string, other: string): boolean =>
  one === other ||
  ((one + other).normalize('NFD') === one + other && (other + one).normalize('NFD') === other + one);

const known = new Map<boolean, Letters>();

/** Made once for each spelling, from all characters there are. */
export function lettersOf(spelling: Spelling): Letters {
  const letters = known.get(spelling.ignoresCase) ?? make(spelling);
  known.set(spelling.ignoresCase, letters);
  return letters;
}

function make(spelling: Spelling): Letters {
  const byFirst = new Map<string, string[]>();
  const [behind, composing] = [new Set<string>(), new Set<string>()];
  const [marks, decomposing, several, deep]: [string[], string[], string[], string[]] = [[], [], [], []];
  for (const character of changing(spelling)) {
    const text = partsOf(character, spelling);
    if (isMark(character) && text === character) marks.push(character);
    if (text === character) continue;
    const parts = Array.from(text);
    const isComposed = isOne(text.normalize('NFC'));
    for (const part of parts.slice(1)) {
      behind.add(part);
      if (isComposed) composing.add(part);
    }
    if (!isComposed) several.push(character);
    // Of Korean syllables simply all: half of them are.
    if (parts.length > 2 || isSyllable(character)) deep.push(character);
    if (isSyllable(character)) continue;
    decomposing.push(character);
    byFirst.set(parts[0]!, [...(byFirst.get(parts[0]!) ?? []), character]);
  }
  const all = new Set([...marks, ...behind]);
  const first = (character: string): string => firstOf(partsOf(character, spelling));
  const joining = [...all, ...decomposing.filter((character) => all.has(first(character)))];
  const isAbsorbed = (character: string): boolean =>
    Array.from(partsOf(character, spelling)).every((part) => composing.has(part));
  // Parts that continue a cluster and come as one character also count for several where they compose with nothing.
  const joined = joining.filter((character) => !isOne(partsOf(character, spelling)));
  return {
    spelling,
    beginningWith: (part) => byFirst.get(part) ?? [],
    continues: (part) => all.has(part),
    joining: [...new Set(joining)].map((character) => ({ character, parts: partsOf(character, spelling) })),
    joiningRanges: rangesOf(joining),
    absorbed: rangesOf(joining.filter(isAbsorbed)),
    several: rangesOf([...several, ...joined]),
    deep: rangesOf(deep),
  };
}

const firstOf = (text: string): string => String.fromCodePoint(text.codePointAt(0)!);
const isOne = (text: string): boolean => text === firstOf(text);
const isSyllable = (character: string): boolean => /^[\uac00-\ud7a3]$/.test(character);

/** Whether it is reordered among others; Unicode's class of it is not 0. */
const isMark = (part: string): boolean =>
  /\p{M}/u.test(part) &&
  ((part + LOWEST).normalize('NFD') !== part + LOWEST ||
    (HIGHEST + part).normalize('NFD') !== HIGHEST + part);

/** Characters that are not their own parts, and all marks. Most have neither, and are passed over by the block. */
function* changing(spelling: Spelling): Generator<string> {
  for (let from = 0; from < END; from += BLOCK) {
    if (from >= 0xd800 && from < 0xe000) continue;
    const block = Array.from({ length: BLOCK }, (_, at) => String.fromCodePoint(from + at));
    const text = block.join('\n');
    if (/\p{M}/u.test(text) || partsOf(text, spelling) !== text) yield* block;
  }
}

export function rangesOf(characters: Iterable<string>): CodeRanges {
  const codes = [...new Set(Array.from(characters, (one) => one.codePointAt(0)!))].toSorted((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const code of codes) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === code) last[1] = code;
    else ranges.push([code, code]);
  }
  return ranges;
}

import {
  type CodeRanges,
  type Joining,
  type Letters,
  keepOrder,
  lettersOf,
  partsOf,
  rangesOf,
} from './letters.js';
import type { Spelling } from './name-key.js';
import { type Shape, either, one, other, these, text } from './shape.js';
import { clustersOf, spellingsOfCluster } from './spellings.js';

/** A letter with more marks than people write is not said beside a wildcard. */
const MOST_MARKS = 3;
/** More than this is in no name that a file system keeps. */
const MOST_ANY = 250;
/** Of one letter with its marks. */
const MOST_SPELLINGS = 1_000;

/** What stands between two wildcards, and the wildcards before the next: so many `?`, and whether there is a `*`. */
interface Stretch {
  readonly literal: string;
  readonly any: number;
  readonly star: boolean;
}

/**
 * Every text whose key fits the segment of a glob (a key itself): **all** of them, in whatever spelling, and hardly
 * any other. Who compares characters and knows nothing of Unicode's spellings leaves nothing out with it. Null where
 * that cannot be said: a mark that stands by itself behind a wildcard, and what is longer than any name.
 *
 * More than asked for are, beside a wildcard and nowhere else: letters that are kept decomposed, or with marks in
 * unusual order, where each mark may count as a character for `?`, and a letter may have one mark more than the rule's.
 *
 * Why it is all of them. Between clusters (`Letters`) both sides may be judged by themselves, so that what is not
 * beside a wildcard is written in all of its spellings. A wildcard behind a letter may add marks to it: then either
 * the letter is spelled as it is and what follows does not change it, or its marks are mixed with the others
 * (`mixed`). For `?`, see `anyOf`.
 */
export function shapeOfName(segment: string, spelling: Spelling): Shape[] | null {
  const letters = lettersOf(spelling);
  const stretches = stretchesOf(segment);
  const shapes: Shape[] = [];
  for (const [at, { literal, any, star }] of stretches.entries()) {
    const clusters = clustersOf(partsOf(literal, spelling), letters);
    const isWild = star || any > 0;
    const standsAlone = clusters[0] !== undefined && letters.continues(clusters[0][0]!);
    if (any > MOST_ANY || (standsAlone && (isWild || at > 0))) return null;
    const end = isWild ? clusters.pop() : undefined;
    for (const cluster of clusters) {
      const spelled = spellingsOfCluster(cluster, letters, MOST_SPELLINGS);
      if (spelled === null) return null;
      shapes.push(oneOf(spelled));
    }
    if (!isWild) break;
    const ended = end ? beforeWildcards(end, { any, star }, letters) : anyOf({ any, star }, [], letters);
    if (ended === null) return null;
    shapes.push(...ended);
  }
  return shapes;
}

function stretchesOf(segment: string): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [, literal = '', wild = ''] of segment.matchAll(/([^*?]*)([*?]*)/gu)) {
    if (literal === '' && wild === '') continue;
    const any = wild.replaceAll('*', '').length;
    stretches.push({ literal, any, star: any < wild.length });
  }
  return stretches;
}

/** A letter, in all spellings, and the wildcards behind it. */
function beforeWildcards(
  cluster: readonly string[],
  wild: Pick<Stretch, 'any' | 'star'>,
  letters: Letters,
): Shape[] | null {
  const spelled = spellingsOfCluster(cluster, letters, MOST_SPELLINGS);
  const mixtures = mixed(cluster, letters);
  if (spelled === null || mixtures === null) return null;
  const whole = cluster.join('').normalize('NFC');
  const isChanged = ({ parts }: Joining): boolean =>
    !(cluster.join('') + parts).normalize('NFC').startsWith(whole);
  const changing = rangesOfAll(letters.joining.filter(isChanged));
  const plain = [oneOf(spelled), ...anyOf(wild, changing, letters)];
  return mixtures.length === 0
    ? plain
    : [either(plain, ...mixtures.map((mixture) => [...mixture, ...ANYTHING]))];
}

const ANYTHING: readonly Shape[] = [other([], 0, null)];

/**
 * What wildcards stand for, beginning with none of `not`.
 *
 * `?` is one character of the key. It is kept as one character, or as one with marks that compose with it. Several
 * are kept as at least as many, but for characters that are several when composed, and characters of three parts that
 * a mark behind them makes several: where one of those is, any number will do.
 */
function anyOf({ any, star }: Pick<Stretch, 'any' | 'star'>, not: CodeRanges, letters: Letters): Shape[] {
  const { absorbed, several, deep, joiningRanges } = letters;
  if (any === 0) return not.length === 0 ? [...ANYTHING] : [either([other(not), ...ANYTHING], [])];
  const marks = these(absorbed, 0, null);
  const rest: Shape[] =
    any === 1 ? [] : [star ? other([], any - 1, null) : { either: [[other([]), marks]], times: any - 1 }];
  const each = star ? [other(not), ...(any === 1 ? ANYTHING : rest)] : [other(not), marks, ...rest];
  if (any === 1) return each;
  const fewer = either([one(several)], [one(deep), one(joiningRanges)]);
  return [either(each, [...ANYTHING, fewer, ...ANYTHING])];
}

/**
 * How a letter can begin when its marks are mixed with others that a wildcard stands for. Whatever is first in such a
 * text has the letter's own first part; the marks it lacks follow in some order, each behind marks of other classes
 * only, for one of its own class would compose before it or keep it from composing. With all others taken away what
 * is left composes to the letter.
 */
function mixed([first, ...marks]: readonly string[], letters: Letters): Shape[][] | null {
  if (marks.length > MOST_MARKS) return null;
  const { spelling, joining } = letters;
  const cluster = [first!, ...marks];
  const whole = cluster.join('').normalize('NFC');
  const groups = new Map<string, { lacking: readonly string[]; hasMore: boolean; begin: string[] }>();
  for (const begin of beginningsOf(cluster, letters)) {
    const own = Array.from(partsOf(begin, spelling)).slice(1);
    const lacked = minus(marks, own);
    const hasMore = own.length > marks.length - lacked.length;
    for (const lacking of ordersOf(lacked)) {
      if (!(partsOf(begin, spelling) + lacking.join('')).normalize('NFC').startsWith(whole)) continue;
      const key = `${hasMore} ${lacking.join('')}`;
      groups.set(key, { lacking, hasMore, begin: [...(groups.get(key)?.begin ?? []), begin] });
    }
  }
  const ways: Shape[][] = [];
  for (const { lacking, hasMore, begin } of groups.values()) {
    const start = one(rangesOf(begin));
    const parted = lacking.map((mark) => ({
      between: rangesOfAll(joining.filter(({ parts }) => mayStandBefore(parts, mark))),
      mark: one(rangesOfAll(joining.filter(({ parts }) => parts === mark))),
    }));
    const from = hasMore ? [-1] : parted.keys();
    for (const atLeast of from) {
      if (atLeast >= 0 && parted[atLeast]!.between.length === 0) continue;
      ways.push([
        start,
        ...parted.flatMap(({ between, mark }, at) =>
          between.length === 0 ? [mark] : [these(between, at === atLeast ? 1 : 0, null), mark],
        ),
      ]);
    }
    // One character that is several marks, among them one of these.
    const several = joining.filter(
      ({ parts }) => Array.from(parts).length > 1 && lacking.some((mark) => parts.includes(mark)),
    );
    if (several.length > 0)
      ways.push([start, these(letters.joiningRanges, 0, null), one(rangesOfAll(several))]);
  }
  return ways;
}

const rangesOfAll = (all: readonly Joining[]): CodeRanges => rangesOf(all.map(({ character }) => character));

/** Whatever has the first part of the letter; of Korean syllables those that are the beginning of this one. */
function beginningsOf(cluster: readonly string[], letters: Letters): string[] {
  const syllables = [2, 3].map((length) => cluster.slice(0, length).join('').normalize('NFC'));
  return [
    ...new Set([
      cluster[0]!,
      ...letters.beginningWith(cluster[0]!),
      ...syllables.filter((syllable) => /^[\uac00-\ud7a3]$/.test(syllable)),
    ]),
  ];
}

/** Whether all these marks are of other classes, so that they move out of the way. */
const mayStandBefore = (parts: string, mark: string): boolean =>
  Array.from(parts).every((part) => !keepOrder(part, mark));

function minus(all: readonly string[], away: readonly string[]): string[] {
  const left = [...all];
  for (const taken of away) if (left.includes(taken)) left.splice(left.indexOf(taken), 1);
  return left;
}

function ordersOf(marks: readonly string[]): string[][] {
  if (marks.length < 2) return [[...marks]];
  return marks.flatMap((mark, at) => ordersOf(marks.toSpliced(at, 1)).map((rest) => [mark, ...rest]));
}

function oneOf(texts: readonly string[]): Shape {
  const isOne = (spelled: string): boolean => spelled === String.fromCodePoint(spelled.codePointAt(0)!);
  const single = texts.filter(isOne);
  const longer = texts.filter((spelled) => !isOne(spelled)).map(text);
  if (longer.length === 0) return one(rangesOf(single));
  return either(...(single.length === 0 ? [] : [[one(rangesOf(single))]]), ...longer);
}

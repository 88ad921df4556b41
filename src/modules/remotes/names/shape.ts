import type { CodeRanges } from './letters.js';

/**
 * A set of texts, said by its characters: what every kind of regular expression can say. One after another they make
 * a list.
 */
export type Shape =
  /** So many characters of these, or of all others; a slash is never one of the others. */
  | {
      readonly ranges: CodeRanges;
      readonly others: boolean;
      readonly least: number;
      /** Null: any number. */
      readonly most: number | null;
    }
  /** So many times one of these. */
  | { readonly either: readonly (readonly Shape[])[]; readonly times: number };

const SLASH: CodeRanges = [[0x2f, 0x2f]];

export const these = (ranges: CodeRanges, least: number, most: number | null): Shape => ({
  ranges,
  others: false,
  least,
  most,
});
export const one = (ranges: CodeRanges): Shape => these(ranges, 1, 1);
export const other = (ranges: CodeRanges, least = 1, most: number | null = 1): Shape => ({
  ranges,
  others: true,
  least,
  most,
});
export const either = (...of: readonly (readonly Shape[])[]): Shape => ({ either: of, times: 1 });
export const text = (characters: string): Shape[] =>
  Array.from(characters, (character) => {
    const code = character.codePointAt(0)!;
    return one([[code, code]]);
  });

/**
 * As a regular expression. `written` is how the dialect writes a character by its code. The rest is the same in all:
 * `(?:…|…)`, `[…]`, `[^…]`, `*`, `?`, `{n}` and `{n,}`.
 */
export function expression(shapes: readonly Shape[], written: (code: number) => string): string {
  const character = (code: number): string => {
    const known = String.fromCodePoint(code);
    return /^[A-Za-z0-9]$/.test(known) ? known : written(code);
  };
  const set = (ranges: CodeRanges): string =>
    ranges.map(([from, to]) => character(from) + (from === to ? '' : `-${character(to)}`)).join('');
  return shapes
    .map((shape) => {
      if ('either' in shape) {
        const ways = shape.either.map((way) => expression(way, written)).join('|');
        return `(?:${ways})${counted(shape.times, shape.times)}`;
      }
      const { ranges, others, least, most } = shape;
      const [first] = ranges;
      const isOne = !others && ranges.length === 1 && first![0] === first![1];
      const what = isOne ? character(first![0]) : `[${others ? `^${set(SLASH)}` : ''}${set(ranges)}]`;
      return what + counted(least, most);
    })
    .join('');
}

function counted(least: number, most: number | null): string {
  if (most === null) return least === 0 ? '*' : `{${least},}`;
  if (least === 1 && most === 1) return '';
  return least === most ? `{${least}}` : `{${least},${most}}`;
}

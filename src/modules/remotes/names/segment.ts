/**
 * One segment of a glob against one name: `?` is one character, `*` any number, everything else stands for itself.
 *
 * The pieces between stars are looked for from left to right, each at the first place it fits: taking the first is
 * never wrong, because a later star reaches as far as it likes. So nothing is tried twice and no text, however it was
 * chosen, makes it slow: steps grow with the length of the name and the segment, except for a piece with `?`, where
 * they are bounded by the one times the other.
 */
export interface Segment {
  readonly text: string;
  /** The whole name where there is no wildcard. */
  readonly literal: string | null;
  /** Between the stars; the first is at the beginning of the name and the last at its end. */
  readonly pieces: readonly Piece[];
}

interface Piece {
  readonly characters: readonly string[];
  /** For looking for the piece without going back (Knuth, Morris, Pratt); null with `?`, which has no such table. */
  readonly back: readonly number[] | null;
}

/** Counts comparisons of characters, for tests. */
export interface Steps {
  count: number;
}

const ANY = '?';

export function compileSegment(text: string): Segment {
  if (!/[*?]/.test(text)) return { text, literal: text, pieces: [] };
  return { text, literal: null, pieces: text.split(/\*+/).map(compilePiece) };
}

function compilePiece(text: string): Piece {
  const characters = Array.from(text);
  return { characters, back: characters.includes(ANY) ? null : backTable(characters) };
}

/** A name with its characters, which are taken apart once for all segments it is compared with. */
export interface Name {
  readonly text: string;
  readonly characters: readonly string[];
}

export const nameOf = (text: string): Name => ({ text, characters: Array.from(text) });

export function matchesSegment({ literal, pieces }: Segment, name: Name, steps?: Steps): boolean {
  if (literal !== null) return literal === name.text;
  const { characters } = name;
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  if (pieces.length === 1)
    return first.characters.length === characters.length && fitsAt(first, characters, 0, steps);
  const end = characters.length - last.characters.length;
  let at = first.characters.length;
  if (at > end || !fitsAt(first, characters, 0, steps) || !fitsAt(last, characters, end, steps)) return false;
  for (const piece of pieces.slice(1, -1)) {
    const found = find(piece, characters, at, end, steps);
    if (found === null) return false;
    at = found + piece.characters.length;
  }
  return true;
}

function fitsAt({ characters }: Piece, name: readonly string[], at: number, steps?: Steps): boolean {
  return characters.every((character, index) => {
    if (steps) steps.count += 1;
    return character === ANY || character === name[at + index];
  });
}

/** Where the piece first is within `from` … `end`. */
function find(
  piece: Piece,
  name: readonly string[],
  from: number,
  end: number,
  steps?: Steps,
): number | null {
  const { characters, back } = piece;
  if (back === null) {
    for (let at = from; at + characters.length <= end; at += 1) if (fitsAt(piece, name, at, steps)) return at;
    return null;
  }
  for (let at = from, fitting = 0; at < end; at += 1) {
    while (fitting > 0 && characters[fitting] !== name[at]) {
      if (steps) steps.count += 1;
      fitting = back[fitting - 1]!;
    }
    if (steps) steps.count += 1;
    if (characters[fitting] === name[at]) fitting += 1;
    if (fitting === characters.length) return at + 1 - fitting;
  }
  return null;
}

/** For each beginning of the piece the length of its longest end that is a beginning, too. */
function backTable(characters: readonly string[]): number[] {
  const back = [0];
  for (let at = 1, fitting = 0; at < characters.length; at += 1) {
    while (fitting > 0 && characters[fitting] !== characters[at]) fitting = back[fitting - 1]!;
    if (characters[fitting] === characters[at]) fitting += 1;
    back.push(fitting);
  }
  return back;
}

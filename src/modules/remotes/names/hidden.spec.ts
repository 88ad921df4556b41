import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob, covers, pathKeys } from './glob.js';
import { hiddenPattern, pathExpression } from './hidden.js';
import { lettersOf, partsOf } from './letters.js';
import { nameKey, type Spelling } from './name-key.js';
import { spellingsOfName } from './spellings.js';

const EXACT = { ignoresCase: false };
const NO_CASE = { ignoresCase: true };

interface Said {
  /** What a program that compares characters is told. */
  fits(path: string): boolean;
  /** What the rule means. */
  means(path: string): boolean;
}

function said(glob: string, spelling: Spelling): Said | null {
  const compiled = compileGlob(glob, spelling);
  const pattern = hiddenPattern(compiled, spelling);
  if (!pattern) return null;
  const written = (code: number): string => `\\u{${code.toString(16)}}`;
  const expression = new RegExp(`^(?:${pathExpression(pattern, written)})$`, 'u');
  return {
    fits: (path) => expression.test(path),
    means: (path) => covers(compiled, pathKeys(path, spelling)),
  };
}

const codes = (text: string): string => Array.from(text, (one) => one.codePointAt(0)!.toString(16)).join(' ');

/** Letters with what they compose with, what they are made of, and what changes places with that. */
const FAMILIES = [
  'e \u00e9 \u00ea \u1ebf \u1eb9 \u1ec7 \u0301 \u0302 \u0323 \u0331 \u0341',
  'u \u00fc \u01d8 \u1ee5 \u0308 \u0301 \u0344 \u0323 \u0304 x',
  'i I \u0130 \u0131 \u0307 \u0301 \u0323 J j \u01f0 \u030c K k \u212a',
  's S \u017f \u1e63 \u1e69 \u0323 \u0307 \u00df \u1e9e \u00c5 \u212b a A \u030a',
  '\u1112 \u1161 \u11ab \ud558 \ud55c \uae00 \u11af a \u0301 .',
  '\u0438 \u0439 \u0419 \u0418 \u0306 \u0301 \u0435 \u0308 \u0451 .',
  '\u0e23 \u0e39 \u0e1b \u0e34 \u0e49 \u0e48 \u0e38 \u0e33 a .',
  '\u0627 \u0622 \u0623 \u0653 \u0654 \u0655 \u064e \u0651 \u06a9 \u06cc \u200c',
  '\u0915 \u093c \u0958 \u094d \u0301 \u09c7 \u09be \u09cb \u09d7 \u09cc',
  '\u05e9 \u05bc \u05c1 \ufb2a \ufb2c \ufb49 \u05b7 \u05d0 \u05f2 \ufb1f',
  '\u03b1 \u1f00 \u1f80 \u0345 \u0313 \u0301 \u0391 \u0399 \u03b9 \u1fb3 \u1fbc',
  '\u{16d63} \u{16d67} \u{16d69} \u{16d6a} \u{16d68} \u0f71 \u0f72 \u0f73 \u0f40',
  '\u{1d158} \u{1d165} \u{1d16e} \u{1d160} \u{1f600} \u{20bb7} \u{2f8b5} [ ]',
  'a b . - { } } , * ? ^ $ ( ) | + \\ # \n \u2028 \ufffd',
].map((units) => units.split(' '));

const unitsOf = fc
  .tuple(fc.constantFrom(...FAMILIES), fc.constantFrom(...FAMILIES))
  .map(([one, other]) => [...one, ...one, ...one, ...other]);

/** A segment of a glob, and names that fit it as often as not, each in one of its spellings. */
const segmentAndNames = unitsOf.chain((units) => {
  const unit = fc.constantFrom(...units);
  const literal = unit.filter((one) => !/[*?]/.test(one));
  const part = fc.oneof(
    { weight: 3, arbitrary: literal },
    { weight: 2, arbitrary: fc.constantFrom('?', '*') },
  );
  return fc
    .array(part, { minLength: 1, maxLength: 5 })
    .filter((parts) => !/^\**$/.test(parts.join('')))
    .chain((parts) => {
      const name = fc
        .tuple(
          ...parts.map((one) =>
            one === '?'
              ? unit
              : one === '*'
                ? fc.array(unit, { maxLength: 3 }).map((some) => some.join(''))
                : fc.oneof({ weight: 9, arbitrary: fc.constant(one) }, { weight: 1, arbitrary: unit }),
          ),
        )
        .map((some) => some.join(''));
      return fc.tuple(
        fc.constant(parts.join('')),
        fc.array(fc.tuple(name, fc.nat()), { minLength: 8, maxLength: 8 }),
      );
    });
});

/** Another spelling of the name, in other case where that makes no difference. */
function spelledAnew(name: string, seed: number, { ignoresCase }: Spelling): string {
  const spelled = spellingsOfName(name, 500) ?? [name, name.normalize('NFD')];
  const one = spelled[seed % spelled.length]!;
  return ignoresCase && seed % 3 === 0 ? one.toUpperCase() : one;
}

/** Every character that its key, decomposed or not, differs from; of Korean syllables some. */
function* changing(spelling: Spelling): Generator<string> {
  for (let code = 0x41; code < 0x2fa20; code += code >= 0xac00 && code < 0xd7a3 ? 61 : 1) {
    const character = String.fromCodePoint(code);
    if (!/\p{Surrogate}/u.test(character) && partsOf(character, spelling) !== character) yield character;
  }
}

describe.each([EXACT, NO_CASE])('a pattern, where case is ignored: $ignoresCase', (spelling) => {
  const letters = lettersOf(spelling);
  const joining = new Set(letters.joining.map(({ character }) => character));
  const isSeveral = (character: string): boolean =>
    letters.several.some(
      ([from, to]) => from <= character.codePointAt(0)! && character.codePointAt(0)! <= to,
    );
  const isOdd = (path: string): boolean =>
    Array.from(path).some((character) => joining.has(character) || isSeveral(character));

  it('has every name that the rule means, and only beside marks one that it does not', () => {
    const seen = { meant: 0, more: 0, all: 0, unsaid: 0 };
    const wrong: [string, string, boolean][] = [];
    fc.assert(
      fc.property(segmentAndNames, ([segment, names]) => {
        const pattern = said(segment, spelling);
        if (!pattern) seen.unsaid += 1;
        for (const [name, seed] of pattern ? names : []) {
          const path = spelledAnew(name, seed, spelling);
          if (path === '' || path.includes('/')) continue;
          const [fits, means] = [pattern!.fits(path), pattern!.means(path)];
          if (means !== fits && !(fits && isOdd(path))) wrong.push([codes(segment), codes(path), fits]);
          seen.all += 1;
          if (means) seen.meant += 1;
          if (means !== fits) seen.more += 1;
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 500 },
    );
    expect(seen.meant).toBeGreaterThan(seen.all / 4);
  });

  it('has every spelling of every letter there is', () => {
    const wrong: string[][] = [];
    const all = [...changing(spelling)].map((character) => ({
      character,
      key: nameKey(character, spelling),
    }));
    for (const [index, { character, key }] of all.entries()) {
      if (/[*?/]/.test(key) || joining.has(character)) continue;
      // Beside wildcards there is more to find out for each, so some of them will do.
      const globs = index % 29 === 0 ? [`${key}/x`, `${key}*/x`, `*${key}/x`] : [`${key}/x`];
      for (const one of new Set([character, character.normalize('NFD'), character.normalize('NFC')])) {
        const names = [`${one}/x`, `${one}z/x`, `z${one}/x`];
        const forgotten = globs.filter((glob, at) => said(glob, spelling)?.fits(names[at]!) !== true);
        if (forgotten.length > 0) wrong.push([codes(one), ...forgotten]);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('a pattern', () => {
  it.each([
    ['/**/.git', ['.git', 'a/.git', 'a/b/.git/config', '.git/x\ny'], ['.gitignore', 'x.git', 'a/.github']],
    ['/**/*.key', ['.key', 'a.key', 'a/b.key/c', 'a\nb.key'], ['akey', 'a.key2', 'key']],
    ['/a*/x', ['a/x', 'ab/x/y'], ['x', 'a', 'b/a/x', 'ab/c/x']],
    ['/a/**/b/c', ['a/b/c', 'a/x/b/c/d'], ['a/b', 'b/c', 'x/a/b/c', 'a/b/x/c']],
    ['/**/b/**/c?', ['b/c1', 'a/b/x/y/cc'], ['b/c', 'c1/b', 'b/c12']],
    [
      '/??',
      ['ab', '\u00e9a', '\u1100\u1161\u11a8\u1100', 'e\u0301a'],
      ['a', 'abc', '\ud55c', '\u0e23\u0e39\u0e1b'],
    ],
    ['/\ud558*', ['\ud558', '\ud558\ub098', '\u1112\u1161x'], ['\ud55c', '\u1112\u1161\u11ab', '\u1112']],
    ['/e*', ['e', 'ex'], ['\u00e9', 'e\u0301', '\u00e9x', 'e\u0301x']],
    [
      '/\u00e9*',
      ['\u00e9x', 'e\u0301', 'e\u0301x', 'e\u0331\u0301'],
      ['e', 'ex', '\u1ebf', 'e\u0302\u0301', '\u1eb9\u0302'],
    ],
    ['/\u1eb9?', ['\u1eb9a', 'e\u0301\u0323', '\u00e9\u0323'], ['\u1eb9', '\u00e9a', '\u1ec7']],
    ['/???', ['abc', '\u01d8\u0323', '\ufb2c', 'q\u0331\u0303'], ['ab', '\u01d8', '\u01d8a', 'abcd']],
    ['/\u1ee5??', ['\u01d8\u0323', 'u\u0308\u0301\u0323'], ['\u1ee5', '\u01d8a']],
    ['/[a]{b}^$.|\\(-)*', ['[a]{b}^$.|\\(-)', '[a]{b}^$.|\\(-)}}'], ['a{b}', '[a]b']],
  ])('of %j has %j and not %j', (glob, meant, others) => {
    const { fits } = said(glob, EXACT)!;
    expect([meant.filter((path) => !fits(path)), others.filter(fits)]).toEqual([[], []]);
  });

  it('ignores the case of every letter as keys do', () => {
    const { fits } = said('/**/i\u0307*\u03c3\ufb01k?', NO_CASE)!;
    expect(['\u0130x\u03a3\ufb01\u212a!', 'I\u0307\u03c3\ufb01Kk'].map(fits)).toEqual([true, true]);
    expect(['i\u03c3\ufb01kk', '\u0130\u03c2\ufb01kk', '\u0131\u0307\u03c3\ufb01kk'].map(fits)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it.each(['/*\u0301', '/\u0301*', '/?\u11ab', `/a${'\u0301'.repeat(4)}*`, `/${'?'.repeat(300)}`])(
    'cannot say %j',
    (glob) => {
      expect(said(glob, EXACT)).toBeNull();
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spellingsOf, spellingsOfName } from './spellings.js';

const MANY = 100_000;
const sorted = (texts: readonly string[]): string[] => [...texts].toSorted();

/** Each character alone and in every order with what it decomposes to, and what is put together of those. */
const UNITS = [
  'A a K \u212a \u00c5 \u212b \u030a \u0323 \u0301 \u1e63 \u1e69 s \u0307 \u1e61 \u1112 \u1161 \u11ab \ud558 \ud55c',
  '\u{16d63} \u{16d67} \u{16d69} \u{16d6a} \u{16d68} \u0915 \u093c \u0958 \u8c48 \uf900',
].flatMap((some) => some.split(' '));

describe('the spellings of a name', () => {
  it.each([
    ['plain', 'plain.txt', ['plain.txt']],
    ['Thai', 'ไฟล์', ['ไฟล์']],
    ['a composed letter', '\u0439', ['\u0439', '\u0438\u0306']],
    ['a decomposed letter', '\u0438\u0306', ['\u0439', '\u0438\u0306']],
    ['a mark with two codes', '\u00e9', ['\u00e9', 'e\u0301', 'e\u0341']],
    ['a Korean syllable', '한', ['\ud55c', '\ud558\u11ab', '\u1112\u1161\u11ab']],
    ['characters with two codes', 'K;', ['K;', '\u212a;', 'K\u037e', '\u212a\u037e']],
    ['two marks', '\u1e69', ['\u1e69', '\u1e63\u0307', '\u1e61\u0323', 's\u0323\u0307', 's\u0307\u0323']],
  ])('%s', (_, name, expected) => {
    expect(sorted(spellingsOfName(name, MANY) ?? [])).toEqual(sorted(expected));
  });

  it('are all that have its normal form', () => {
    const words = new Map<string, Set<string>>();
    const add = (word: string): void => {
      const key = word.normalize('NFC');
      words.set(key, (words.get(key) ?? new Set()).add(word));
    };
    for (const one of UNITS) {
      for (const two of UNITS) add(one + two);
      for (const two of UNITS.slice(6, 23)) for (const three of UNITS.slice(6, 23)) add(one + two + three);
    }
    for (const [name, known] of words) {
      const spelled = spellingsOfName(name, MANY) ?? [];
      const missing = [...known].filter((word) => !spelled.includes(word));
      expect([name, missing]).toEqual([name, []]);
    }
  });

  it('have its normal form and no other, each once', () => {
    const name = fc.array(
      fc.oneof(fc.constantFrom(...UNITS), fc.string({ unit: 'grapheme', maxLength: 2 })),
      {
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(name, (parts) => {
        const text = parts.join('');
        const spelled = spellingsOfName(text, MANY) ?? [];
        expect(new Set(spelled).size).toBe(spelled.length);
        expect(spelled).toContain(text.normalize('NFC'));
        expect(spelled).toContain(text.normalize('NFD'));
        for (const one of spelled) expect(one.normalize('NFC')).toBe(text.normalize('NFC'));
      }),
    );
  });

  it('make paths, as long as there are not too many', () => {
    expect(sorted(spellingsOf(['a', '\u0439'], 2) ?? [])).toEqual(sorted(['a/\u0439', 'a/\u0438\u0306']));
    expect(spellingsOf(['a', '\u0439'], 1)).toBeNull();
    expect(spellingsOf(['\u0439', '\u0439'], 3)).toBeNull();
    expect(spellingsOf(['한'.repeat(1_000)], 1_000)).toBeNull();
    expect(spellingsOf([], 1)).toEqual(['']);
  });
});

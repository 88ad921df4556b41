import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newApiKey, prefixOf } from './api-key-form.js';

const KEY = /^stw_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/;

describe('an API key', () => {
  it('has a form that scanners can look for, and names its row by what may be shown', () => {
    const { key, prefix } = newApiKey();
    expect(key).toMatch(KEY);
    expect(key.startsWith(`${prefix}_`)).toBe(true);
    expect(prefixOf(key)).toBe(prefix);
  });

  it('is another one each time, in its name and in its secret', () => {
    const keys = Array.from({ length: 2000 }, newApiKey);
    expect(new Set(keys.map(({ prefix }) => prefix)).size).toBe(2000);
    expect(new Set(keys.map(({ key }) => key.split('_')[2])).size).toBe(2000);
  });

  it('with any one character changed is no key', () => {
    const { key } = newApiKey();
    fc.assert(
      fc.property(
        fc.nat(key.length - 1),
        fc.constantFrom(...Array.from('0123456789abcxyzABCXYZ_-. €ก')),
        (at, character) => {
          fc.pre(key[at] !== character);
          return prefixOf(key.slice(0, at) + character + key.slice(at + 1)) === null;
        },
      ),
    );
  });

  it('cut, doubled, with spaces or with two neighbours swapped is no key', () => {
    const { key } = newApiKey();
    for (const text of [key.slice(0, -1), key.slice(1), `${key}0`, ` ${key}`, `${key}\n`, key + key, ''])
      expect(prefixOf(text)).toBeNull();
    const swapped = Array.from({ length: key.length - 5 }, (_, index) => {
      const at = index + 4;
      return key.slice(0, at) + key[at + 1]! + key[at]! + key.slice(at + 2);
    });
    expect(swapped.filter((text) => text !== key && prefixOf(text) !== null)).toEqual([]);
  });

  it('is told from any other text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => prefixOf(text) === null));
    expect(prefixOf('stw_'.repeat(100_000))).toBeNull();
  });

  it('has the checksum of CRC-32 to the base of 62, as others can compute it', () => {
    const body = 'stw_AAAAAAAAAAAA_00000000000000000000000000000000';
    expect(prefixOf(`${body}_${base62(crc32(body))}`)).toBe('stw_AAAAAAAAAAAA');
  });
});

/** By hand, so that the test does not lean on what it tests. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function base62(value: number): string {
  const digits = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
  const text = value === 0 ? '' : base62(Math.floor(value / 62)).replace(/^0+/, '') + digits[value % 62]!;
  return text.padStart(6, '0');
}

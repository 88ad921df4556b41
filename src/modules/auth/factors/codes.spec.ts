import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newRecoveryCodes, readCode } from './codes.js';

describe('a code as people type it', () => {
  it.each([
    ['123456', 'plain'],
    ['123 456', 'as apps show it'],
    [' 123-456\n', 'pasted'],
    ['۱۲۳۴۵۶', 'Persian'],
    ['١٢٣٤٥٦', 'Arabic'],
    ['๑๒๓๔๕๖', 'Thai'],
    ['१२३४५६', 'Devanagari'],
    ['１２３４５６', 'fullwidth'],
    ['𝟏𝟐𝟑𝟒𝟓𝟔', 'mathematical'],
    ['𞥑𞥒𞥓𞥔𞥕𞥖', 'Adlam'],
    ['\u200f۱۲۳\u200c۴۵۶\u200e', 'with marks of direction'],
    ['۱۲๓٤५6', 'of several scripts'],
  ])('is %s (%s)', (text) => expect(readCode(text)).toEqual({ kind: 'totp', code: '123456' }));

  it.each([
    '12345',
    '1234567',
    '',
    ' ',
    '12345x',
    '½²³₄⑤六',
    'ⅠⅡⅢⅣⅤⅥ',
    '123456🔑',
    '一二三四五六',
    '-123456.0',
    'null',
  ])('is none of six digits: %j', (text) => expect(readCode(text).kind).toBe('neither'));

  it('reads every decimal digit there is', () => {
    // Unicode has digits in its first two planes.
    const digits = Array.from({ length: 0x2_0000 }, (_, point) => String.fromCodePoint(point))
      .join('')
      .match(/\p{Nd}/gu)!;
    expect(digits.length).toBeGreaterThan(600);
    expect(digits.length % 10).toBe(0);
    const read = digits.map((digit) => readCode(digit.repeat(6)));
    expect(read).toEqual(digits.map((_, index) => ({ kind: 'totp', code: String(index % 10).repeat(6) })));
  });

  it('never fails, however odd the text', () => {
    const text = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 70 });
    fc.assert(fc.property(text, (units) => readCode(String.fromCharCode(...units)) !== undefined));
    expect(readCode('9'.repeat(100_000)).kind).toBe('neither');
  });
});

describe('recovery codes', () => {
  it('ASVS 6.5.3: are ten of 80 random bits', () => {
    const codes = newRecoveryCodes();
    expect(codes).toHaveLength(10);
    expect(new Set([...codes, ...newRecoveryCodes()]).size).toBe(20);
    for (const code of codes) expect(code).toMatch(/^(?:[0-9a-hjkmnp-tv-z]{4}-?){4}$/);
  });

  it('are read with capitals, without dashes, and with letters for digits that look alike', () => {
    const read = { kind: 'recovery', code: '7k2mx9pt04hqw118' };
    for (const text of [
      '7k2m-x9pt-04hq-w118',
      '7K2MX9PTO4HQWIL8',
      '7k2m x9pt o4hq wl18',
      '７ｋ２ｍ—ｘ９ｐｔ—０４ｈｑ—ｗ１１８',
    ])
      expect(readCode(text)).toEqual(read);
  });

  it.each(['7k2m-x9pt-04hq-w11', '7k2m-x9pt-04hq-w1188', '7k2m-x9pt-04hq-w11u', '7k2m_x9pt_04hq_w118'])(
    'are nothing else: %s',
    (text) => expect(readCode(text).kind).toBe('neither'),
  );
});

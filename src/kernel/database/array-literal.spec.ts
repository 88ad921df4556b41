import { describe, expect, it } from 'vitest';
import { arrayLiteral } from './array-literal.js';

describe('array literals', () => {
  it.each([
    ['ids', ['018f-a', '018f-b'], '{018f-a,018f-b}'],
    ['numbers', [1, 0, -2.5], '{1,0,-2.5}'],
    ['nulls between values', [null, 'cancelled', null], '{NULL,cancelled,NULL}'],
    ['the words that mean null', ['null', 'NULL'], '{"null","NULL"}'],
    ['nothing', [''], '{""}'],
    ['what has a meaning there', ['{a,b}', 'a"b\\c', ' a '], '{"{a,b}","a\\"b\\\\c"," a "}'],
    ['other scripts', ['سلام', '안녕'], '{"سلام","안녕"}'],
    ['nulls only', [null, null], '{}'],
    ['no values', [], '{}'],
  ])('%s', (_what, values, literal) => {
    expect(arrayLiteral(values)).toBe(literal);
  });
});

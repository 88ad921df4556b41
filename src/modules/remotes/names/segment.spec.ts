import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSegment, matchesSegment, nameOf, type Steps } from './segment.js';

const matches = (pattern: string, name: string): boolean =>
  matchesSegment(compileSegment(pattern), nameOf(name));

/** By trying everything. */
function slowly(pattern: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return name.length === 0;
  if (head === '*') return name.some((_, at) => slowly(rest, name.slice(at))) || slowly(rest, []);
  const [first, ...others] = name;
  return first !== undefined && (head === '?' || head === first) && slowly(rest, others);
}

describe('one segment', () => {
  it.each([
    ['', '', true],
    ['*', '', true],
    ['?', '', false],
    ['a', 'a', true],
    ['a', 'A', false],
    ['*', 'anything', true],
    ['**', 'anything', true],
    ['*.key', '.key', true],
    ['*.key', 'a.key', true],
    ['*.key', 'a.keys', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['?', '😀', true],
    ['??', '😀', false],
    ['보*', '보고서.pdf', true],
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['{a,b}', 'b', false],
    ['.*', 'x', false],
    ['.*', '.x', true],
    ['a\\*', 'a*', false],
    ['a\\*', 'a\\b', true],
    ['$^.+()|', '$^.+()|', true],
    ['*aab', 'aaab', true],
    ['*abab*c', 'ababac', true],
    ['*a?a*', 'xabax', true],
  ])('%j and %j: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  it('is what trying everything says', () => {
    const text = (units: readonly string[], maxLength: number): fc.Arbitrary<string[]> =>
      fc.array(fc.constantFrom(...units), { maxLength });
    fc.assert(
      fc.property(text(['a', 'b', '😀', '?', '*'], 9), text(['a', 'b', '😀'], 9), (pattern, name) => {
        expect(matches(pattern.join(''), name.join(''))).toBe(slowly(pattern, name));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['stars between letters', '*a'.repeat(2_000) + 'b', 'a'.repeat(4_000)],
    ['stars between letters that nearly fit', '*a'.repeat(2_000) + '*b*', 'a'.repeat(4_000)],
    ['a long piece that nearly fits everywhere', `*${'a'.repeat(2_000)}b*`, 'a'.repeat(4_000)],
    ['pieces that fall back far', `*${'aab'.repeat(600)}aac*`, 'aab'.repeat(1_300)],
    ['question marks between stars', '*?'.repeat(1_900) + 'b', 'a'.repeat(4_000)],
    ['only stars', '*'.repeat(4_000), 'a'.repeat(4_000)],
  ])('takes steps of the length of both and no more: %s', (_, pattern, name) => {
    const steps: Steps = { count: 0 };
    matchesSegment(compileSegment(pattern), nameOf(name), steps);
    expect(steps.count).toBeLessThanOrEqual(2 * (pattern.length + name.length));
  });

  it('takes no more than piece by name for a piece with a question mark', () => {
    const steps: Steps = { count: 0 };
    matchesSegment(compileSegment(`*${'a'.repeat(500)}?b*`), nameOf('a'.repeat(2_000)), steps);
    expect(steps.count).toBeLessThanOrEqual(502 * 2_000);
  });
});

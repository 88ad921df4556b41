import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRemotePath as p } from '../remote-path.js';
import { compileGlob, covers, pathKeys } from './glob.js';
import { nameKey } from './name-key.js';
import type { Steps } from './segment.js';

const EXACT = { ignoresCase: false };
const NO_CASE = { ignoresCase: true };

describe('a glob', () => {
  it.each([
    ['/', '', true],
    ['/', 'a/b', true],
    ['/*', '', true],
    ['/**', 'a/b', true],
    ['**', '', true],
    ['/public', 'public', true],
    ['/public', 'public/a/b', true],
    ['/public', 'publicity', false],
    ['/public', '', false],
    ['/public/', 'public/a', true],
    ['/public/*', 'public', true],
    ['/public/*', 'public/a/b', true],
    ['/public/**', 'public', true],
    ['/public/*/**', 'public', false],
    ['/public/*/**', 'public/a', true],
    ['public/*', 'public/a', true],
    ['/a/*/c', 'a/b/c', true],
    ['/a/*/c', 'a/b/b/c', false],
    ['/a/*/c', 'a/b/c/d', true],
    ['/a/**/c', 'a/c', true],
    ['/a/**/c', 'a/b/b/c/d', true],
    ['/a/**/c', 'a/b', false],
    ['/**/**/c', 'c', true],
    ['/**/.git', 'x/.git/config', true],
    ['/**/b/c', 'a/b/b/c', true],
    ['/**/b/**/c/d', 'b/c/x/c/d', true],
    ['/**/b/**/c/d', 'c/d/b', false],
    ['/a**b', 'a/b', false],
    ['/a**b', 'axyb', true],
    ['/*.txt', 'a.txt', true],
    ['/*.txt', 'x/a.txt', false],
    ['/caf\u00e9', 'cafe\u0301/menu', true],
    ['/cafe\u0301', 'caf\u00e9', true],
    ['/caf?', 'cafe\u0301', true],
    ['/Public', 'public', false],
  ])('%j names %j or what it is in: %s', (glob, path, expected) => {
    expect(covers(compileGlob(glob, EXACT), pathKeys(p(path), EXACT))).toBe(expected);
  });

  it.each([
    ['/Public', 'PUBLIC/x', true],
    ['/ФАЙЛ', 'файл', true],
    ['/ΟΔΟΣ', 'οδοσ', true],
    ['/\u0130', 'i\u0307', true],
    ['/CAF\u00c9', 'cafe\u0301', true],
    ['/a', 'b', false],
  ])('without case %j names %j: %s', (glob, path, expected) => {
    expect(covers(compileGlob(glob, NO_CASE), pathKeys(p(path), NO_CASE))).toBe(expected);
  });

  it('is compared by keys that are keys of themselves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (name, ignoresCase) => {
        const key = nameKey(name, { ignoresCase });
        expect(nameKey(key, { ignoresCase })).toBe(key);
        expect(nameKey(name.normalize('NFD'), { ignoresCase })).toBe(key);
      }),
    );
  });

  it.each([
    ['a hundred **', '/**/a'.repeat(100) + '/b', 'a/'.repeat(1_000)],
    ['a hundred ** with stars', '/**/*a*a'.repeat(100) + '/b', 'aaaa/'.repeat(800)],
    ['nothing but **', '/**'.repeat(100) + '/b', 'a/'.repeat(1_000)],
    ['a run that nearly fits everywhere', '/**' + '/a'.repeat(99) + '/b', 'a/'.repeat(1_000)],
  ])('takes a bounded number of steps: %s', (_, glob, path) => {
    const steps: Steps = { count: 0 };
    expect(covers(compileGlob(glob, EXACT), pathKeys(p(path), EXACT), steps)).toBe(false);
    expect(steps.count).toBeLessThanOrEqual(100 * path.length);
  });
});

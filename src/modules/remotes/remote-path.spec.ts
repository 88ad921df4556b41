import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type InvalidPathReason,
  InvalidRemotePath,
  MAX_PATH_BYTES,
  ROOT,
  baseName,
  comparisonKey,
  displayPath,
  isSameOrInside,
  joinRemotePath,
  parseRemotePath,
} from './remote-path.js';

const posix = { backslashSeparates: false };

function reasonOf(input: unknown, host = posix): InvalidPathReason | 'accepted' {
  try {
    parseRemotePath(input, host);
    return 'accepted';
  } catch (error) {
    if (error instanceof InvalidRemotePath) return error.reason;
    throw error;
  }
}

const accepted: [input: string, normal: string][] = [
  ['', ''],
  ['/', ''],
  ['///', ''],
  ['a', 'a'],
  ['/a/b/', 'a/b'],
  ['a//b///c', 'a/b/c'],
  [' a / b ', ' a / b '],
  ['-rf', '-rf'],
  ['a\\..\\b', 'a\\..\\b'],
  ['...', '...'],
  ['.hidden/..data', '.hidden/..data'],
  ['[brackets] {braces} *?', '[brackets] {braces} *?'],
  ['한국어/파일.txt', '한국어/파일.txt'],
  ['e\u0301te\u0301', 'e\u0301te\u0301'],
  ['r1:b', 'r1:b'],
  [':local:/etc', ':local:/etc'],
  ['jail,remote=/etc:', 'jail,remote=/etc:'],
  [":webdav,url=x,bearer_token_command='cmd':", ":webdav,url=x,bearer_token_command='cmd':"],
  ['%2e%2e/%2f', '%2e%2e/%2f'],
  ['~/x', '~/x'],
  ['$HOME', '$HOME'],
  ['😀', '😀'],
  ['a\u0085b', 'a\u0085b'],
];

const refused: [input: unknown, reason: InvalidPathReason][] = [
  [undefined, 'not_a_string'],
  [null, 'not_a_string'],
  [7, 'not_a_string'],
  [{ type: 'local', _root: '/' }, 'not_a_string'],
  [['a'], 'not_a_string'],
  ['..', 'dot_segment'],
  ['.', 'dot_segment'],
  ['/..', 'dot_segment'],
  ['../etc/passwd', 'dot_segment'],
  ['a/../b', 'dot_segment'],
  ['a/./b', 'dot_segment'],
  ['a/..', 'dot_segment'],
  ['a/../', 'dot_segment'],
  ['a//..//b', 'dot_segment'],
  ['\uff0e\uff0e', 'dot_segment'],
  ['\uff0e', 'dot_segment'],
  ['\uff0e./x', 'dot_segment'],
  ['a/\u2025/b', 'dot_segment'],
  ['\u2024\u2024', 'dot_segment'],
  ['\u2024', 'dot_segment'],
  ['\ufe52\ufe52', 'dot_segment'],
  ['a\0b', 'control_character'],
  ['a\nb', 'control_character'],
  ['a\rb', 'control_character'],
  ['\u001b[2J', 'control_character'],
  ['a\u007f', 'control_character'],
  ['..\n', 'control_character'],
  ['a\ud800b', 'lone_surrogate'],
  ['\udc00', 'lone_surrogate'],
  ['x'.repeat(MAX_PATH_BYTES + 1), 'too_long'],
  ['한'.repeat(MAX_PATH_BYTES / 3 + 1), 'too_long'],
  ['/'.repeat(MAX_PATH_BYTES + 1), 'too_long'],
];

describe('parseRemotePath', () => {
  it.each(accepted)('%j becomes %j', (input, normal) => {
    expect(parseRemotePath(input, posix)).toBe(normal);
  });

  it.each(refused)('refuses %j: %s', (input, reason) => {
    expect(reasonOf(input)).toBe(reason);
  });

  it('accepts exactly 4 KiB', () => {
    expect(reasonOf('x'.repeat(MAX_PATH_BYTES))).toBe('accepted');
  });

  it('refuses a backslash where it separates folders', () => {
    expect(reasonOf('a\\..\\b', { backslashSeparates: true })).toBe('backslash');
  });

  const anyPath = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('.', '..', '\uff0e\uff0e', '/', '//', 'a', ' ', '\0', '\ud800', '-x', '\u2025'),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('/'));

  it('either refuses or yields a safe normal form that parses to itself', () => {
    fc.assert(
      fc.property(anyPath, (input) => {
        if (reasonOf(input) !== 'accepted') return;
        const path = parseRemotePath(input, posix);
        expect(parseRemotePath(path, posix)).toBe(path);
        expect(path).not.toMatch(/^\/|\/\/|\/$/);
        expect(Buffer.from(path).filter((byte) => byte < 0x20 || byte === 0x7f)).toHaveLength(0);
        const names = path.normalize('NFKC').split('/');
        expect(names).not.toContain('.');
        expect(names).not.toContain('..');
      }),
      { numRuns: 2000 },
    );
  });

  it('answers any value whatsoever with a path or InvalidRemotePath', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        expect(reasonOf(input)).toBeTypeOf('string');
      }),
    );
  });

  it('does not change a name', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => reasonOf(s) === 'accepted');
    fc.assert(
      fc.property(name, (s) => {
        fc.pre(!s.includes('/'));
        expect(parseRemotePath(`//${s}//`, posix)).toBe(s);
      }),
    );
  });
});

const p = (s: string) => parseRemotePath(s, posix);

describe('helpers', () => {
  it('shows and takes apart', () => {
    expect(displayPath(ROOT)).toBe('/');
    expect(displayPath(p('a/b'))).toBe('/a/b');
    expect(baseName(p('a/b'))).toBe('b');
    expect(baseName(p('b'))).toBe('b');
    expect(baseName(ROOT)).toBe('');
  });

  it('joins, and checks what it joins', () => {
    expect(joinRemotePath(ROOT, 'a')).toBe('a');
    expect(joinRemotePath(p('a'), '/b/')).toBe('a/b');
    expect(() => joinRemotePath(p('a'), '../b')).toThrow(InvalidRemotePath);
  });

  it.each([
    ['a', 'a', true],
    ['a/b', 'a', true],
    ['a', 'a/b', false],
    ['ab', 'a', false],
    ['a', '', true],
    ['', '', true],
    ['', 'a', false],
    ['e\u0301/x', '\u00e9', true],
  ])('%j is or lies in %j: %s', (path, folder, expected) => {
    expect(isSameOrInside(p(path), p(folder))).toBe(expected);
  });

  it('joining always lands inside', () => {
    const name = fc.string({ unit: 'grapheme' }).filter((s) => reasonOf(s) === 'accepted');
    fc.assert(
      fc.property(name, name, (base, relative) => {
        const joined = joinRemotePath(p(base), relative);
        expect(isSameOrInside(joined, p(base))).toBe(true);
        expect(comparisonKey(comparisonKey(joined))).toBe(comparisonKey(joined));
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../remote-path.js';
import { PARTIAL_FILE, literalPattern, meansAll, rcBandwidth, rcConfig, rcFilter } from './rc-options.js';
import { compileGlob } from '../names/glob.js';
import { hiddenPattern } from '../names/hidden.js';
import type { TransferOptions } from './transfer-engine.js';

const partialRule = '- *.[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].partial';

describe('rcConfig', () => {
  it('is exactly this by default', () => {
    expect(rcConfig({})).toEqual({ CheckFirst: true, DryRun: false, CheckSum: false });
  });

  it('carries every option, numbers as numbers', () => {
    expect(rcConfig({ dryRun: true, checksum: true, transfers: 8, checkers: 16 })).toEqual({
      CheckFirst: true,
      DryRun: true,
      CheckSum: true,
      Transfers: 8,
      Checkers: 16,
    });
  });

  it('carries what a step needs beside the options', () => {
    expect(rcConfig({}, { BackupDir: 'r1:v', MaxDelete: 3, IgnoreExisting: true })).toEqual({
      CheckFirst: true,
      DryRun: false,
      CheckSum: false,
      BackupDir: 'r1:v',
      MaxDelete: 3,
      IgnoreExisting: true,
    });
  });

  it.each<TransferOptions>([
    { transfers: 0 },
    { transfers: 9 },
    { transfers: 1.5 },
    { checkers: 17 },
    { checkers: NaN },
  ])('refuses %j', (options) => {
    expect(() => rcConfig(options)).toThrow('whole number');
  });

  it('never carries a key of the input', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (input) => {
        const known = new Set(['CheckFirst', 'DryRun', 'CheckSum', 'Transfers', 'Checkers']);
        const { transfers: _transfers, checkers: _checkers, ...rest } = input;
        expect(Object.keys(rcConfig(rest)).every((key) => known.has(key))).toBe(true);
      }),
    );
  });
});

describe('rcFilter', () => {
  it('leaves out what killed copies left behind', () => {
    expect(rcFilter({})).toEqual({ FilterRule: [partialRule] });
    expect(PARTIAL_FILE.test('a.txt.0a1b2c3d.partial')).toBe(true);
    expect(PARTIAL_FILE.test('a.partial')).toBe(false);
  });

  it('puts excludes first, so that they win, and closes a list of includes', () => {
    expect(rcFilter({ include: ['*.txt', '! x'], exclude: ['secret.txt'] })).toEqual({
      FilterRule: [partialRule, '- secret.txt', '+ *.txt', '+ ! x', '- /**'],
    });
  });

  it('hides before every other rule, each path with everything below it', () => {
    const hidden = [parseRemotePath('a/b'), parseRemotePath('[x]')];
    expect(rcFilter({ hidden, include: ['/a/**'], exclude: ['*.tmp'] }).FilterRule).toEqual([
      '- /a/b',
      '- /a/b/**',
      '- /\\[x\\]',
      '- /\\[x\\]/**',
      partialRule,
      '- *.tmp',
      '+ /a/**',
      '- /**',
    ]);
    expect(rcFilter({ hidden: [parseRemotePath('/')] }).FilterRule[0]).toBe('- /**');
  });

  it('hides what a pattern means by a regular expression, which holds no brace of its own', () => {
    const rulesOf = (glob: string): string[] => {
      const pattern = hiddenPattern(compileGlob(glob, { ignoresCase: false }), { ignoresCase: false });
      return rcFilter({ hidden: [pattern!], exclude: ['*'] }).FilterRule;
    };
    const folders = '(?:[^\\x{2f}]*\\x{2f})*';
    const below = '(?:\\x{2f}[\\x{0}-\\x{10ffff}]*)?';
    expect(rulesOf('/**/.git')).toEqual([
      `- /{{(?:${folders}\\x{2e}git${below})}}`,
      `- /{{(?:${folders}\\x{2e}git${below})}}/**`,
      partialRule,
      '- *',
    ]);
    expect(rulesOf('/a/*}b')[0]).toBe(`- /{{(?:a\\x{2f}[^\\x{2f}]*\\x{7d}b${below})}}`);
  });

  it.each(['', 'a\nb', 'a\r', '\0'])('refuses the pattern %j', (pattern) => {
    expect(() => rcFilter({ include: [pattern] })).toThrow('one line');
    expect(() => rcFilter({ exclude: [pattern] })).toThrow('one line');
  });
});

describe('literalPattern', () => {
  it.each([
    ['br[1]', 'br\\[1\\]'],
    ['{a,b}', '\\{a\\,b\\}'],
    ['*', '\\*'],
    ['wh?t', 'wh\\?t'],
    ['back\\slash', 'back\\\\slash'],
    ['-dash', '-dash'],
    ['new\u240aline', 'new\u240aline'],
    ['ete', 'ete'],
    ['\u00e9', '{\u00e9,e\u0301}'],
    ['e\u0301', '{\u00e9,e\u0301}'],
    ['\ud55c', '{\ud55c,\u1112\u1161\u11ab}'],
    ['😀', '😀'],
  ])('%s is %s', (name, pattern) => {
    expect(literalPattern(name, false)).toBe(pattern);
  });

  it('matches both cases where they are one name', () => {
    expect(literalPattern('a1', true)).toBe('{a,A}1');
    expect(literalPattern('\u00c9', true)).toBe('{\u00c9,E\u0301,\u00e9,e\u0301}');
  });

  it('leaves no character of a glob as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const plain = literalPattern(name.replace(/[^ -~]/g, ''), false);
        expect(plain.replace(/\\[\\[\]{}*?,]/g, '')).not.toMatch(/[\\[\]{}*?,]/);
      }),
    );
  });
});

describe('meansAll', () => {
  it('is so without any rule', () => {
    expect(meansAll({ include: [], hidden: [], checksum: true })).toBe(true);
    for (const options of [{ include: ['a'] }, { exclude: ['a'] }, { hidden: [parseRemotePath('a')] }])
      expect(meansAll(options)).toBe(false);
  });
});

describe('rcBandwidth', () => {
  it('writes the unit', () => {
    expect(rcBandwidth(1_048_576)).toBe('1048576B');
    expect(rcBandwidth(null)).toBe('off');
  });

  it.each([0, -1, 0.5, NaN, Infinity])('refuses %d', (rate) => {
    expect(() => rcBandwidth(rate)).toThrow('whole number');
  });
});

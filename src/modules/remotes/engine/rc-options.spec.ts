import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARTIAL_FILE, rcBandwidth, rcConfig, rcFilter } from './rc-options.js';
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

  it.each(['', 'a\nb', 'a\r', '\0'])('refuses the pattern %j', (pattern) => {
    expect(() => rcFilter({ include: [pattern] })).toThrow('one line');
    expect(() => rcFilter({ exclude: [pattern] })).toThrow('one line');
  });
});

describe('rcBandwidth', () => {
  it('writes the unit', () => {
    expect(rcBandwidth(1_048_576)).toBe('1048576B');
  });

  it.each([0, -1, 0.5, NaN, Infinity])('refuses %d', (rate) => {
    expect(() => rcBandwidth(rate)).toThrow('whole number');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeOf } from './byte-range.js';

describe('rangeOf', () => {
  it.each([
    ['bytes=0-0', { from: 0, to: 0 }],
    ['bytes=2-5', { from: 2, to: 5 }],
    ['Bytes=2-5', { from: 2, to: 5 }],
    ['bytes= 2-5 ', { from: 2, to: 5 }],
    ['bytes=7-', { from: 7, to: 9 }],
    ['bytes=7-100', { from: 7, to: 9 }],
    ['bytes=-3', { from: 7, to: 9 }],
    ['bytes=-100', { from: 0, to: 9 }],
    [`bytes=0-${'9'.repeat(400)}`, { from: 0, to: 9 }],
    [`bytes=-${'9'.repeat(30)}`, { from: 0, to: 9 }],
  ])('%j of ten bytes is %j', (header, range) => expect(rangeOf(header, 10)).toEqual(range));

  it.each(['bytes=10-', 'bytes=10-11', 'bytes=-0', `bytes=${'9'.repeat(400)}-`, 'bytes=9007199254740993-'])(
    '%j of ten bytes is none of them',
    (header) => expect(rangeOf(header, 10)).toBe('unsatisfiable'),
  );

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=0-1,3-4',
    `bytes=${'0-,'.repeat(5_000)}0-`,
    'bytes=0x1-2',
    'bytes=+1-2',
    'bytes=1.0-2',
    'bytes=1e1-',
    'bytes=--1',
    'bytes=\u0661-2',
    'items=0-1',
    'bytes 0-1',
  ])('%.40j means the whole file', (header) => expect(rangeOf(header, 10)).toBeNull());

  it('has nothing of an empty file', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1'])
      expect(rangeOf(header, 0)).toBe('unsatisfiable');
  });

  it('never leaves the file', () => {
    fc.assert(
      fc.property(fc.nat(), fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), fc.nat(2), (size, a, b, form) => {
        const header = [`bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`][form];
        const range = rangeOf(header, size);
        if (range === null || range === 'unsatisfiable') return;
        expect(range.from).toBeGreaterThanOrEqual(0);
        expect(range.to).toBeGreaterThanOrEqual(range.from);
        expect(range.to).toBeLessThan(size);
      }),
    );
  });
});

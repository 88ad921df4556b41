import fc from 'fast-check';
import { expect, it } from 'vitest';
import { comparePositions, formatCursor, parseCursor } from './cursor.js';

const position = fc.record({
  xid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  seq: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
});

it('reads what it writes', () => {
  fc.assert(
    fc.property(position, (at) => {
      expect(parseCursor(formatCursor(at))).toEqual(at);
    }),
  );
});

it('refuses anything else', () => {
  const wrong = [
    '',
    '1',
    '-',
    '1-',
    '-1',
    '1-2-3',
    '1.5-2',
    ' 1-2',
    '1-2\n',
    'x-y',
    '١-٢',
    '18446744073709551616-0',
  ];
  for (const text of [...wrong, '0-9223372036854775808', `${'9'.repeat(30)}-0`])
    expect(parseCursor(text)).toBeNull();
});

it('orders by transaction, then by number', () => {
  fc.assert(
    fc.property(position, position, (a, b) => {
      const order = comparePositions(a, b);
      expect(Math.sign(order)).toBe(-Math.sign(comparePositions(b, a)));
      expect(order < 0).toBe(a.xid < b.xid || (a.xid === b.xid && a.seq < b.seq));
    }),
  );
});

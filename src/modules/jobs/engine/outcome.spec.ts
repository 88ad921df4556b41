import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperationalError, UserError } from '../../../kernel/http/index.js';
import { PostponeError } from '../definition/define-job.js';
import { backoffSeconds } from './backoff.js';
import { outcomeOfError, storableJson, storableUpTo } from './outcome.js';

const job = {
  retryCount: 0,
  maxRetries: 3,
  timeoutSeconds: 9,
  backoff: { kind: 'fixed', seconds: 7 },
} as const;

describe('what follows from an error', () => {
  it.each([
    [
      'a fault of the user fails at once',
      UserError.forbidden('no'),
      null,
      { kind: 'failed', error: 'no', errorCode: 'forbidden' },
    ],
    [
      'an outage is tried again',
      new OperationalError('away', 'later'),
      null,
      { kind: 'retry', error: 'later', errorCode: 'away', delaySeconds: 7 },
    ],
    [
      'a bug is tried again',
      new Error('oops'),
      null,
      { kind: 'retry', error: 'oops', errorCode: 'error', delaySeconds: 7 },
    ],
    [
      'a timeout is tried again',
      new Error('aborted'),
      'timeout',
      { kind: 'retry', error: 'It ran longer than 9 s.', errorCode: 'timeout', delaySeconds: 7 },
    ],
    ['a cancelled attempt is cancelled whatever it throws', new Error('x'), 'cancel', { kind: 'cancelled' }],
    [
      'a shutdown spends no attempt',
      new PostponeError(9, 'x'),
      'shutdown',
      { kind: 'release', delaySeconds: 0, reason: null },
    ],
    [
      'a postponed job waits and says why',
      new PostponeError(30, 'nothing to do it\0 with'),
      null,
      { kind: 'release', delaySeconds: 30, reason: 'nothing to do it␀ with' },
    ],
    ['a cancelled job is not postponed', new PostponeError(30, 'x'), 'cancel', { kind: 'cancelled' }],
    [
      'a postponement that comes too late is a timeout',
      new PostponeError(30, 'x'),
      'timeout',
      { kind: 'retry', error: 'It ran longer than 9 s.', errorCode: 'timeout', delaySeconds: 7 },
    ],
    ['a lost lease writes nothing', new Error('x'), 'lost', 'lost'],
  ] as const)('%s', (_name, error, stop, expected) => {
    expect(outcomeOfError(error, stop, job, 0.5)).toEqual(expected);
  });

  it('fails when the attempts are spent', () => {
    expect(outcomeOfError(new Error('x'), null, { ...job, retryCount: 3 }, 0.5)).toMatchObject({
      kind: 'failed',
    });
    expect(outcomeOfError(new Error('x'), null, { ...job, maxRetries: 0 }, 0.5)).toMatchObject({
      kind: 'failed',
    });
  });

  it('postpones also when no attempt is left, for none is spent', () => {
    expect(outcomeOfError(new PostponeError(5, 'x'), null, { ...job, retryCount: 3 }, 0.5)).toMatchObject({
      kind: 'release',
    });
  });

  it('stores any error text, without U+0000 and lone surrogates', () => {
    expect(outcomeOfError(new Error('a\0b\ud800c'), null, job, 0)).toMatchObject({ error: 'a␀b\ufffdc' });
  });
});

describe('storable JSON', () => {
  it('keeps every value PostgreSQL can store and replaces only what it cannot', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
        (value) => {
          const text = JSON.stringify(storableJson(value));
          expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/i);
          const whole = !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value));
          expect(text === JSON.stringify(value) || !whole).toBe(true);
        },
      ),
    );
    expect(storableJson({ 'k\0': ['\\u0000', '\0', '\udc00x', '😀'] })).toEqual({
      'k␀': ['\\u0000', '␀', '\ufffdx', '😀'],
    });
  });
});

describe('backoff', () => {
  it('grows, stays below its ceiling and never reaches zero', () => {
    const backoff = { kind: 'exponential', seconds: 5, maxSeconds: 3600 } as const;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (retry, random) => {
          const seconds = backoffSeconds(backoff, retry, random);
          expect(seconds).toBeGreaterThan(0);
          expect(seconds).toBeLessThanOrEqual(3600);
        },
      ),
    );
    expect(backoffSeconds(backoff, 1, 1)).toBe(5);
    expect(backoffSeconds(backoff, 4, 1)).toBe(40);
  });
});

it('what is too long ends in a mark, and never in half a character', () => {
  expect(storableUpTo(5, 'abcde')).toBe('abcde');
  expect(storableUpTo(5, 'abcdef')).toBe('abcd…');
  expect(storableUpTo(5, 'abc😀f')).toBe('abc\uFFFD…');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, most) => {
      const stored = storableUpTo(most, text);
      expect(stored.isWellFormed() && !stored.includes('\0')).toBe(true);
      expect(stored.length).toBeLessThanOrEqual(most);
    }),
  );
});

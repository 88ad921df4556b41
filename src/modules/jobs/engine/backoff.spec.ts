import { describe, expect, it } from 'vitest';
import { backoffSeconds, pauseSeconds, type Backoff } from './backoff.js';

describe('back-off', () => {
  it('is fixed, or grows with full jitter up to its ceiling', () => {
    expect(backoffSeconds({ kind: 'fixed', seconds: 7 }, 9, 0.5)).toBe(7);
    const growing: Backoff = { kind: 'exponential', seconds: 5, maxSeconds: 60 };
    expect([1, 2, 3, 4, 5, 99].map((retry) => backoffSeconds(growing, retry, 1))).toEqual([
      5, 10, 20, 40, 60, 60,
    ]);
    expect(backoffSeconds(growing, 1, 0)).toBe(0.5);
  });

  it('of a custom kind asks the function, with the number of the repetition and the error', () => {
    const error = new Error('busy for 42');
    const custom: Backoff = {
      kind: 'custom',
      seconds: (retry, thrown) => (thrown === error ? retry * 42 : 0),
      describe: 'What the error says.',
    };
    expect(backoffSeconds(custom, 2, 0.5, error)).toBe(84);
    expect(backoffSeconds(custom, 2, 0.5, null)).toBe(0);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('a bug');
      },
      'threw an error',
    ],
    ['answers NaN', () => NaN, 'answered NaN'],
    ['answers a negative number', () => -1, 'answered -1'],
    ['answers Infinity', () => Infinity, 'answered Infinity'],
    ['answers a century', () => 3_155_760_000, 'answered 3155760000'],
    ['answers a text', () => '5' as unknown as number, 'answered no number'],
    ['answers nothing', () => undefined as unknown as number, 'answered no number'],
  ])('falls back to the usual one, and says so, when the function %s', (_, seconds, problem) => {
    const told: string[] = [];
    const custom: Backoff = { kind: 'custom', seconds, describe: '' };
    expect(backoffSeconds(custom, 2, 1, null, (text) => told.push(text))).toBe(10);
    expect(told).toEqual([`The back-off of this job type ${problem}; the usual one is taken.`]);
  });

  it('takes any pause of a handler for one that ends', () => {
    expect([5, 0, -3, NaN, Infinity].map(pauseSeconds)).toEqual([5, 0, 0, 5, 2_592_000]);
  });
});

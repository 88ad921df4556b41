import { describe, expect, it } from 'vitest';
import { within } from './within.js';

const tooLate = () => new Error('too late');

describe('within', () => {
  it('gives what came in time, be it a result or an error', async () => {
    expect(await within(Promise.resolve(1), 1_000, tooLate)).toBe(1);
    await expect(within(Promise.reject(new Error('own')), 1_000, tooLate)).rejects.toThrow('own');
  });

  it('rejects with the given error when nothing came', async () => {
    await expect(within(new Promise(() => undefined), 5, tooLate)).rejects.toThrow('too late');
  });
});

import { expect, it } from 'vitest';
import { oneTimePassword } from './one-time-password.js';

it('is readable, long enough for the password rule, and never the same', () => {
  const made = Array.from({ length: 1000 }, oneTimePassword);
  for (const one of made) expect(one).toMatch(/^[0-9a-hjkmnp-tv-z]{5}(-[0-9a-hjkmnp-tv-z]{5}){4}$/);
  expect(new Set(made).size).toBe(1000);
  expect(new Set(made.join('')).size).toBe(33); // every character of the alphabet, and the dash
});

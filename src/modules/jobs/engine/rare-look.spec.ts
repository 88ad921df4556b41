import { expect, it } from 'vitest';
import { RareLook } from './rare-look.js';

it('is due at once, and then again after its pause', () => {
  const look = new RareLook(10_000);
  expect(look.due(0)).toBe(true);
  look.done(0, 5);
  expect([look.due(5), look.due(10_004), look.due(10_005)]).toEqual([false, false, true]);
});

it('takes a twentieth of the time when it lasts long, and still comes once a minute', () => {
  const look = new RareLook(10_000);
  look.done(0, 2_000);
  expect([look.due(41_999), look.due(42_000)]).toEqual([false, true]);
  look.done(0, 100_000);
  expect([look.due(159_999), look.due(160_000)]).toEqual([false, true]);
});

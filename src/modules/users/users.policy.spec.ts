import { describe, expect, it } from 'vitest';
import { endsAdministration, isLastAdmin } from './users.policy.js';

describe('endsAdministration', () => {
  it.each([
    [{ role: 'user' as const }, true],
    [{ role: 'power_user' as const }, true],
    [{ isActive: false }, true],
    [{ role: 'admin' as const, isActive: false }, true],
    [{ role: 'admin' as const }, false],
    [{ isActive: true }, false],
    [{}, false],
  ])('%j: %s', (changes, ends) => expect(endsAdministration(changes)).toBe(ends));
});

describe('isLastAdmin', () => {
  it('is true only for the one who is left', () => {
    expect(isLastAdmin('a', ['a'])).toBe(true);
    expect(isLastAdmin('a', ['a', 'b'])).toBe(false);
    expect(isLastAdmin('b', ['a'])).toBe(false);
    expect(isLastAdmin('a', [])).toBe(false);
  });
});

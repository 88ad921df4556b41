import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jitteredPause } from './backoff.js';

it('stays between half and all of the doubled pause, up to the longest', () => {
  fc.assert(
    fc.property(
      fc.nat(1_000),
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1, max: 100_000 }),
      (attempt, first, longest) => {
        const pause = jitteredPause(attempt, first, longest);
        const full = Math.min(longest, first * 2 ** Math.min(attempt, 30));
        expect(pause).toBeGreaterThanOrEqual(Math.floor(full / 2));
        expect(pause).toBeLessThanOrEqual(full);
      },
    ),
  );
});

import { RateLimiterMemory } from 'rate-limiter-flexible';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GrowingBudget } from './growing-budget.js';
import { WindowBudget } from './window-budget.js';

const MINUTE = 60_000;
let number = 0;

function budget(points = 5): GrowingBudget {
  const of = (name: string, most: number, duration: number) =>
    new RateLimiterMemory({ keyPrefix: `${name}${number}`, points: most, duration });
  number += 1;
  return new GrowingBudget({
    free: new WindowBudget(of('free', points, 900)),
    gate: of('gate', 1, 900),
    waits: of('waits', 1e9, 3_600),
  });
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a budget with growing waits (S1-38, C28, ASVS 6.3.1)', () => {
  it('lets five pass, then one after 1, 2, 4, 8, 15 and 15 minutes', async () => {
    const tries = budget();
    const granted: boolean[] = [];
    for (let n = 0; n < 5; n++) granted.push((await tries.take('a')).allowed);
    expect(granted).toEqual([true, true, true, true, true]);
    for (const minutes of [1, 2, 4, 8, 15, 15]) {
      expect(await tries.take('a')).toMatchObject({ allowed: false, freeInMs: minutes * MINUTE });
      vi.advanceTimersByTime(minutes * MINUTE - 1);
      expect(await tries.take('a')).toMatchObject({ allowed: false, freeInMs: 1 });
      vi.advanceTimersByTime(1);
      // The window of the free ones ends after 15 minutes; what is free is used up first.
      const { allowed, isLast } = await tries.take('a');
      expect(allowed).toBe(true);
      for (let free = isLast ? 0 : 4; free > 0; free--) expect((await tries.take('a')).allowed).toBe(true);
    }
  });

  it('says which one is the last, and hinders nobody else', async () => {
    const tries = budget(2);
    expect((await tries.take('a')).isLast).toBe(false);
    expect((await tries.take('a')).isLast).toBe(true);
    expect((await tries.take('b')).allowed).toBe(true);
  });

  it('lets exactly five of a hundred at the same moment pass', async () => {
    const tries = budget();
    const all = await Promise.all(Array.from({ length: 100 }, () => tries.take('a')));
    expect(all.filter(({ allowed }) => allowed)).toHaveLength(5);
    for (const { freeInMs } of all.filter(({ allowed }) => !allowed)) expect(freeInMs).toBe(MINUTE);
    vi.advanceTimersByTime(MINUTE);
    const later = await Promise.all(Array.from({ length: 100 }, () => tries.take('a')));
    expect(later.filter(({ allowed }) => allowed)).toHaveLength(1);
  });

  it('takes nothing for what is given back, and undoes the wait it began', async () => {
    const tries = budget();
    for (let n = 0; n < 50; n++) {
      const right = await tries.take('a');
      expect(right.allowed).toBe(true);
      await right.giveBack();
    }
    for (let n = 0; n < 4; n++) await tries.take('a');
    for (let n = 0; n < 10; n++) {
      const right = await tries.take('a');
      expect(right).toMatchObject({ allowed: true, isLast: true });
      await right.giveBack();
    }
    expect((await tries.take('a')).allowed).toBe(true);
    expect(await tries.take('a')).toMatchObject({ allowed: false, freeInMs: MINUTE });
    vi.advanceTimersByTime(MINUTE);
    await (await tries.take('a')).giveBack(); // the owner, after the wait
    expect((await tries.take('a')).allowed).toBe(true);
  });
});

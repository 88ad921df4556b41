import { describe, expect, it } from 'vitest';
import { HintWindow } from './hint-window.js';

describe('HintWindow', () => {
  it('is small while no worker is alive, and does not grow by being filled', () => {
    const window = new HintWindow();
    let waiting = 0;
    for (let now = 0; now < 10_000; now += 100) {
      const room = Math.max(0, window.room(waiting, 0, now));
      window.added(room);
      waiting += room;
    }
    expect(waiting).toBe(10);
  });

  it('is filled up when an eighth of it was taken, as far as this process can see', () => {
    const window = new HintWindow();
    window.added(window.room(0, 80, 0));
    const untilWorth = (share: number): number => {
      let taken = 0;
      for (; !window.worthFilling(share); taken++) window.taken();
      return taken;
    };
    expect(untilWorth(0.5)).toBe(5);
    expect(untilWorth(1)).toBe(5);
    window.room(70, 80, 1);
    expect(window.worthFilling(1)).toBe(false);
  });

  it('holds one hint for every slot of slow workers', () => {
    const window = new HintWindow();
    expect(window.room(0, 40, 0)).toBe(40);
    window.added(40);
    for (let now = 100; now < 5_000; now += 100) expect(window.room(40, 40, now)).toBe(0);
    expect(window.room(39, 40, 5_000)).toBeLessThanOrEqual(2);
  });

  it.each([
    ['the number of those that wait', false],
    ['its own worker', true],
  ])('grows with what is taken, seen by %s, up to a bound, and shrinks again', (_by, own) => {
    const window = new HintWindow();
    const run = (perTick: number, from: number): number => {
      let waiting = 0;
      let room = 0;
      for (let now = from; now < from + 2_000; now += 10) {
        if (own) for (let n = 0; n < perTick; n++) window.taken();
        // Without an own worker: what was there is taken.
        waiting = own ? waiting : Math.max(0, waiting - perTick);
        room = window.room(waiting, 10, now);
        window.added(room);
        waiting += room;
      }
      return waiting;
    };
    expect(run(4, 0)).toBeGreaterThanOrEqual(100);
    expect(run(1_000, 10_000)).toBeLessThanOrEqual(1_000);
    expect(run(0, 20_000)).toBeLessThanOrEqual(1_000);
    expect(window.room(0, 10, 90_000)).toBe(10);
  });
});

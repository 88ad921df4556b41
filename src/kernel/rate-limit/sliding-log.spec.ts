import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingLog } from './sliding-log.js';

const WINDOW = 60_000;

describe('a sliding window (S1-37)', () => {
  it('allows so many in any 60 s, and says how many are left and when the next comes free', () => {
    let now = 1_000;
    const log = new SlidingLog(3, WINDOW, () => now);
    expect(log.take('a')).toEqual({ allowed: true, remaining: 2, freeInMs: WINDOW });
    now += 20_000;
    expect(log.take('a')).toEqual({ allowed: true, remaining: 1, freeInMs: 40_000 });
    expect(log.take('a')).toEqual({ allowed: true, remaining: 0, freeInMs: 40_000 });
    expect(log.take('a')).toEqual({ allowed: false, remaining: 0, freeInMs: 40_000 });
    expect(log.take('b').allowed).toBe(true);
    now += 40_000; // the first has left, not the other two
    expect(log.take('a')).toEqual({ allowed: true, remaining: 0, freeInMs: 20_000 });
    expect(log.take('a').allowed).toBe(false);
  });

  it('has no edge at which twice as many pass, and decides as one that remembers everything', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 25_000 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), steps, (points, gaps) => {
        let now = 0;
        const log = new SlidingLog(points, WINDOW, () => now);
        const past: { key: string; at: number }[] = [];
        for (const [key, gap] of gaps) {
          now += gap;
          const inside = past.filter((one) => one.key === key && one.at > now - WINDOW);
          const allowed = inside.length < points;
          if (allowed) past.push({ key, at: now });
          const taken = log.take(key);
          expect(taken.allowed).toBe(allowed);
          expect(taken.remaining).toBe(allowed ? points - inside.length - 1 : 0);
          expect(taken.freeInMs).toBe(WINDOW - (now - (inside[0]?.at ?? now)));
        }
      }),
    );
  });

  it('does not count what it refused: who hammers gets its rate, not nothing', () => {
    let now = 0;
    const log = new SlidingLog(5, WINDOW, () => now);
    let allowed = 0;
    for (; now < 10 * WINDOW; now += 100) if (log.take('a').allowed) allowed += 1;
    expect(allowed).toBe(50);
  });

  it('forgets keys that were not used for a window, and holds a bounded number of them', () => {
    let now = 0;
    const log = new SlidingLog(5, WINDOW, () => now, 100);
    for (let key = 0; key < 1_000; key++) log.take(`address ${key}`);
    expect(log.size).toBeLessThanOrEqual(100);
    for (let key = 0; key < 40; key++) log.take(`later ${key}`);
    for (let turn = 0; turn < 2; turn++) {
      now += WINDOW;
      log.take('another');
    }
    expect(log.size).toBe(1);
  });
});

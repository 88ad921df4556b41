import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome } from './job-moves.repository.js';
import { TypeSlots } from './type-slots.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const done: Outcome = { kind: 'completed', result: null };

/** Work that counts how many of it run at a time, and ends when told. */
function workers(slots: TypeSlots, concurrency: number | null) {
  const state = { running: 0, most: 0, ends: [] as (() => void)[] };
  const start = (name = 'bounded') =>
    slots.within({ name, concurrency }, async () => {
      state.running += 1;
      state.most = Math.max(state.most, state.running);
      await new Promise<void>((resolve) => state.ends.push(resolve));
      state.running -= 1;
      return done;
    });
  return { state, start };
}

describe('places of a type', () => {
  it('are never more than it may run at a time, and go to whoever waited longest', async () => {
    const { state, start } = workers(new TypeSlots(), 2);
    const all = Array.from({ length: 10 }, () => start());
    for (let ended = 0; ended < 10; ended += 1) {
      await vi.advanceTimersByTimeAsync(10);
      expect(state.running).toBe(Math.min(2, 10 - ended));
      state.ends[ended]?.();
    }
    expect(await Promise.all(all)).toEqual(all.map(() => done));
    expect(state.most).toBe(2);
  });

  it('hand a job back that found none in time, and are whole again afterwards', async () => {
    const { state, start } = workers(new TypeSlots(), 1);
    const first = start();
    const second = start();
    await vi.advanceTimersByTimeAsync(500);
    expect(await second).toEqual({ kind: 'release', delaySeconds: 0.2, reason: null });
    state.ends[0]?.();
    expect(await first).toEqual(done);
    const third = start();
    await vi.advanceTimersByTimeAsync(0);
    expect(state.running).toBe(1);
    state.ends[1]?.();
    expect(await third).toEqual(done);
  });

  it('are given back by work that throws, and are of one type alone', async () => {
    const slots = new TypeSlots();
    const broken = { name: 'bounded', concurrency: 1 };
    await expect(slots.within(broken, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const { state, start } = workers(slots, 1);
    const both = [start(), start('other')];
    await vi.advanceTimersByTimeAsync(0);
    expect(state.running).toBe(2);
    for (const end of state.ends) end();
    await Promise.all(both);
  });

  it('are without number where the type says nothing', async () => {
    const { state, start } = workers(new TypeSlots(), null);
    const all = Array.from({ length: 50 }, () => start());
    await vi.advanceTimersByTimeAsync(0);
    expect(state.running).toBe(50);
    for (const end of state.ends) end();
    await Promise.all(all);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandlerSlots } from './handler-slots.js';

const CONCURRENCY = 2;

/** Claims while that is allowed, at most ten. */
function claims(slots: HandlerSlots): number {
  let taken = 0;
  while (taken < 10 && slots.tryTake()) taken++;
  for (let given = 0; given < taken; given++) slots.give();
  return taken;
}

async function handle(slots: HandlerSlots, milliseconds: number): Promise<void> {
  await slots.run(() => vi.advanceTimersByTimeAsync(milliseconds));
}

describe('handler slots', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('let as many be claimed as may run, and more after many quick ones, until they turn slow', async () => {
    const said: boolean[] = [];
    const slots = new HandlerSlots(CONCURRENCY, (quick) => said.push(quick));
    expect(claims(slots)).toBe(CONCURRENCY);
    for (let n = 0; n < 100; n++) await handle(slots, 0);
    expect([said, claims(slots)]).toEqual([[true], 4 * CONCURRENCY]);
    for (let n = 0; n < 100; n++) await handle(slots, 60);
    expect([said, claims(slots)]).toEqual([[true, false], CONCURRENCY]);
  });

  it('never run more handlers than they may, whatever was claimed', async () => {
    const slots = new HandlerSlots(CONCURRENCY, () => undefined);
    let running = 0;
    const most: number[] = [];
    const one = async (n: number): Promise<number> => {
      most.push(++running);
      await vi.advanceTimersByTimeAsync(1);
      running--;
      return n;
    };
    const ran = await Promise.all([1, 2, 3, 4, 5].map((n) => slots.run(() => one(n))));
    expect(ran.map((each) => each?.outcome)).toEqual([1, 2, 3, 4, 5]);
    expect(Math.max(...most)).toBe(CONCURRENCY);
  });

  it('give the place back when a handler throws', async () => {
    const slots = new HandlerSlots(1, () => undefined);
    await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await slots.run(() => Promise.resolve('yes'))).toMatchObject({ outcome: 'yes' });
  });

  it('send away claimed work that waited too long behind slow work, and call that slow', async () => {
    const said: boolean[] = [];
    const slots = new HandlerSlots(1, (quick) => said.push(quick));
    for (let n = 0; n < 100; n++) await handle(slots, 0);
    let end: () => void = () => undefined;
    const slow = slots.run(() => new Promise<void>((resolve) => (end = resolve)));
    const behind = slots.run(() => Promise.resolve());
    await vi.advanceTimersByTimeAsync(5_000);
    slots.dismiss(5_000);
    expect(await behind).toBeNull();
    expect(said).toEqual([true, false]);
    end();
    expect(await slow).not.toBeNull();
  });

  it('run nothing any more when closed', async () => {
    const slots = new HandlerSlots(1, () => undefined);
    slots.close();
    expect(await slots.run(() => Promise.resolve())).toBeNull();
    expect(await slots.take()).toBe(false);
  });
});

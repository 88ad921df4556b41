import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandlerSlots } from './handler-slots.js';

describe('handler slots', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are never more than there are, and go to who came first', async () => {
    const slots = new HandlerSlots(2, () => undefined);
    const order: string[] = [];
    const take = async (name: string): Promise<void> => {
      if (await slots.take()) order.push(name);
    };
    const all = ['a', 'b', 'c', 'd'].map(take);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual(['a', 'b']);
    slots.give(1);
    expect(slots.tryTake()).toBe(false); // it is c's
    slots.give(1);
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    slots.give(1);
    expect([slots.tryTake(), slots.tryTake()]).toEqual([true, false]);
  });

  it('sends away who waited too long, and only those', async () => {
    const slots = new HandlerSlots(1, () => undefined);
    await slots.take();
    const [old, young] = [slots.take(), vi.advanceTimersByTimeAsync(5_000).then(() => slots.take())];
    await vi.advanceTimersByTimeAsync(0);
    slots.dismiss(5_000);
    expect(await old).toBe(false);
    slots.give(null);
    expect(await young).toBe(true);
  });

  it('gives nothing any more when closed', async () => {
    const slots = new HandlerSlots(1, () => undefined);
    await slots.take();
    const waiting = slots.take();
    slots.close();
    slots.give(1);
    expect(await Promise.all([waiting, slots.take()])).toEqual([false, false]);
  });

  it('calls handlers quick after many quick ones, and not any more when one is waited for in vain', async () => {
    const said: boolean[] = [];
    const slots = new HandlerSlots(1, (quick) => said.push(quick));
    for (let n = 0; n < 100; n++) {
      slots.tryTake();
      slots.give(0.1);
    }
    expect(said).toEqual([true]);
    await slots.take();
    void slots.take();
    await vi.advanceTimersByTimeAsync(5_000);
    slots.dismiss(5_000);
    expect(said).toEqual([true, false]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Places } from './places.js';

describe('places', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are never more than there are, and go to who came first', async () => {
    const places = new Places(2);
    const order: string[] = [];
    const take = async (name: string): Promise<void> => {
      if (await places.take()) order.push(name);
    };
    const all = ['a', 'b', 'c', 'd'].map(take);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual(['a', 'b']);
    places.give();
    expect(places.tryTake()).toBe(false); // it is c's
    places.give();
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    places.give();
    expect([places.tryTake(), places.tryTake()]).toEqual([true, false]);
  });

  it('send away who waited too long, and only those', async () => {
    const places = new Places(1);
    await places.take();
    const [old, young] = [places.take(), vi.advanceTimersByTimeAsync(5_000).then(() => places.take())];
    await vi.advanceTimersByTimeAsync(0);
    expect(places.dismiss(5_000)).toBe(1);
    expect(await old).toBe(false);
    places.give();
    expect(await young).toBe(true);
  });

  it('are given to those who wait when they become more, and to nobody until enough came back when fewer', async () => {
    const places = new Places(1);
    const answers = [places.take(), places.take(), places.take()];
    places.resize(3);
    expect(await Promise.all(answers)).toEqual([true, true, true]);
    places.resize(1);
    const late = places.take();
    places.give();
    places.give();
    expect(await Promise.race([late, vi.advanceTimersByTimeAsync(1).then(() => 'waits')])).toBe('waits');
    places.give();
    expect(await late).toBe(true);
  });

  it('are nobody’s any more when closed', async () => {
    const places = new Places(1);
    await places.take();
    const waiting = places.take();
    places.close();
    places.give();
    expect(await Promise.all([waiting, places.take()])).toEqual([false, false]);
  });
});

import { describe, expect, it } from 'vitest';
import { UsageCache } from './usage-cache.js';

const key = { remoteId: 'r', partIds: ['base'], version: 1 };

function setUp() {
  const clock = { nowMs: 0 };
  let looks = 0;
  const cache = new UsageCache(() => clock.nowMs);
  const get = async (at = key, fresh = false): Promise<number | null> =>
    (await cache.get(at, fresh, () => Promise.resolve({ total: null, used: ++looks, free: null }))).used;
  return { cache, clock, get };
}

describe('UsageCache', () => {
  it('looks once in five minutes', async () => {
    const { clock, get } = setUp();
    expect([await get(), await get()]).toEqual([1, 1]);
    clock.nowMs = 299_999;
    expect(await get()).toBe(1);
    clock.nowMs = 300_000;
    expect(await get()).toBe(2);
  });

  it('looks again for who wants it fresh, once for all who ask meanwhile', async () => {
    const { get } = setUp();
    await get();
    expect(await Promise.all([get(key, true), get(key, true), get()])).toEqual([2, 2, 2]);
    expect(await get(key, true)).toBe(3);
  });

  it('keeps nothing of another version, of a failure, or of what has changed', async () => {
    const { cache, get } = setUp();
    await get();
    expect(await get({ ...key, version: 2 })).toBe(2);
    cache.forget(['elsewhere']);
    expect(await get({ ...key, version: 2 })).toBe(2);
    cache.forget(['base']);
    expect(await get({ ...key, version: 2 })).toBe(3);
    const failing = { ...key, remoteId: 's' };
    await expect(cache.get(failing, false, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await get(failing)).toBe(4);
  });

  it('gives what was found before a change to nobody who asks after it', async () => {
    const { cache, get } = setUp();
    let finish: (usage: { total: null; used: number; free: null }) => void = () => undefined;
    const early = cache.get(key, false, () => new Promise((resolve) => (finish = resolve)));
    cache.forget(['r']);
    finish({ total: null, used: -1, free: null });
    expect((await early).used).toBe(-1);
    expect(await get()).toBe(1);
  });
});

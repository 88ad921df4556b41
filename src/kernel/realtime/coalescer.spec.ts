import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Coalescer } from './coalescer.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A sink whose flushes end when the test says so. */
function sink() {
  const batches: (readonly number[])[] = [];
  const endings: (() => void)[] = [];
  const flush = (batch: readonly number[]) => {
    batches.push(batch);
    return new Promise<void>((resolve) => endings.push(resolve));
  };
  const end = async () => {
    endings.shift()!();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { batches, flush, end };
}

const fail = (error: unknown) => {
  throw error;
};

describe('Coalescer', () => {
  it('sends what one turn brings together, at once', async () => {
    const { batches, flush } = sink();
    const coalescer = new Coalescer(flush, 25, fail);
    coalescer.add(1);
    coalescer.add(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(batches).toEqual([[1, 2]]);
  });

  it('gathers while a flush is under way and goes on when it returns, not before the interval is over', async () => {
    const { batches, flush, end } = sink();
    const coalescer = new Coalescer(flush, 25, fail);
    coalescer.add(1);
    await vi.advanceTimersByTimeAsync(0);
    coalescer.add(2);
    await vi.advanceTimersByTimeAsync(10);
    coalescer.add(3);
    await end();
    expect(batches).toEqual([[1]]);
    await vi.advanceTimersByTimeAsync(14);
    expect(batches).toEqual([[1]]);
    await vi.advanceTimersByTimeAsync(2);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  it('waits for nothing but the previous flush when it took longer than the interval', async () => {
    const { batches, flush, end } = sink();
    const coalescer = new Coalescer(flush, 25, fail);
    coalescer.add(1);
    await vi.advanceTimersByTimeAsync(100);
    coalescer.add(2);
    await end();
    expect(batches).toEqual([[1], [2]]);
  });

  it('loses only the batch that failed, and says so', async () => {
    const batches: (readonly number[])[] = [];
    const losses: number[] = [];
    const coalescer = new Coalescer<number>(
      (batch) => {
        batches.push(batch);
        return batches.length === 1 ? Promise.reject(new Error('away')) : Promise.resolve();
      },
      25,
      (_error, lost) => losses.push(lost),
    );
    coalescer.add(1);
    coalescer.add(2);
    await vi.advanceTimersByTimeAsync(30);
    coalescer.add(3);
    await vi.advanceTimersByTimeAsync(30);
    expect(batches).toEqual([[1, 2], [3]]);
    expect(losses).toEqual([2]);
  });

  it('drains without the pause', async () => {
    vi.useRealTimers();
    const batches: (readonly number[])[] = [];
    const coalescer = new Coalescer<number>(
      async (batch) => {
        batches.push(batch);
        if (batches.length === 1) coalescer.add(2);
      },
      3_600_000,
      fail,
    );
    coalescer.add(1);
    await coalescer.drain();
    expect(batches).toEqual([[1], [2]]);
  });

  it('keeps the newest when too many wait', async () => {
    const { batches, flush, end } = sink();
    const coalescer = new Coalescer(flush, 0, fail);
    coalescer.add(0);
    await vi.advanceTimersByTimeAsync(0);
    for (let i = 1; i <= 100_000; i++) coalescer.add(i);
    await end();
    expect(batches[1]!.length).toBeLessThanOrEqual(20_000);
    expect(batches[1]!.at(-1)).toBe(100_000);
  });
});

import { describe, expect, it } from 'vitest';
import { GroupCommit } from './group-commit.js';

describe('GroupCommit', () => {
  it('shares one flush among the callers of a turn and answers each its own result', async () => {
    const flushes: number[][] = [];
    const group = new GroupCommit<number, number>(async (items) => {
      flushes.push(items);
      return items.map((item) => item * 2);
    });
    expect(await Promise.all([group.submit(1), group.submit(2), group.submit(3)])).toEqual([2, 4, 6]);
    expect(flushes).toEqual([[1, 2, 3]]);
  });

  it('takes along what arrives during a flush, with never two flushes at once', async () => {
    let release = () => undefined as void;
    const sizes: number[] = [];
    const group = new GroupCommit<number, number>(async (items) => {
      sizes.push(items.length);
      if (sizes.length === 1) await new Promise<void>((resolve) => (release = resolve));
      return items;
    });
    const first = group.submit(0);
    await Promise.resolve().then(() => undefined);
    const rest = [1, 2, 3, 4].map((n) => group.submit(n));
    release();
    await Promise.all([first, ...rest]);
    expect(sizes).toEqual([1, 4]);
  });

  it('loses no item however submissions interleave with the end of a flush', async () => {
    const group = new GroupCommit<number, number>(async (items) => items);
    let answered = 0;
    const chain = async (n: number): Promise<void> => {
      if (n === 0) return;
      await group.submit(n);
      answered++;
      await chain(n - 1);
    };
    await Promise.all(Array.from({ length: 20 }, () => chain(50)));
    expect(answered).toBe(1000);
  });

  it('fails exactly the items of a failed flush', async () => {
    const group = new GroupCommit<number, number>(async (items) => {
      if (items.includes(2)) throw new Error('refused');
      return items;
    }, 1);
    const results = await Promise.allSettled([group.submit(1), group.submit(2), group.submit(3)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

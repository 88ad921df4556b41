import { describe, expect, it } from 'vitest';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve)).then(turnAgain);
const turnAgain = (): Promise<void> => new Promise((resolve) => setImmediate(() => resolve()));

/** A group whose flushes end when they are told; `next` waits for one that has begun. */
function held(options: GroupCommitOptions = {}) {
  const sizes: number[] = [];
  const begun: (() => void)[] = [];
  const group = new GroupCommit<number, number>(async (items) => {
    sizes.push(items.length);
    await new Promise<void>((resolve) => begun.push(resolve));
    return items;
  }, options);
  const next = async (): Promise<() => void> => {
    while (begun.length === 0) await turn();
    return begun.shift()!;
  };
  return { group, flushes: { sizes, next } };
}

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
    const { group, flushes } = held();
    const first = group.submit(0);
    const release = await flushes.next();
    const rest = [1, 2, 3, 4].map((n) => group.submit(n));
    release();
    (await flushes.next())();
    await Promise.all([first, ...rest]);
    expect(flushes.sizes).toEqual([1, 4]);
  });

  it('flushes beside another one, but only one, and only what is worth it', async () => {
    const { group, flushes } = held({ besideFrom: 3 });
    const submitted = [group.submit(0)];
    const releaseFirst = await flushes.next();
    submitted.push(group.submit(1), group.submit(2));
    await turn();
    expect(flushes.sizes).toEqual([1]);
    submitted.push(group.submit(3));
    const releaseSecond = await flushes.next();
    submitted.push(...[4, 5, 6, 7].map((n) => group.submit(n)));
    await turn();
    expect(flushes.sizes).toEqual([1, 3]);
    releaseSecond();
    (await flushes.next())();
    releaseFirst();
    await Promise.all(submitted);
    expect(flushes.sizes).toEqual([1, 3, 4]);
  });

  it('fails all of a flush at once when the server is out of reach', async () => {
    let flushes = 0;
    const group = new GroupCommit<number, number>(async () => {
      flushes++;
      throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    });
    const results = await Promise.allSettled([group.submit(1), group.submit(2), group.submit(3)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(flushes).toBe(1);
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

  it('fails only the item that cannot be written, however many travelled with it', async () => {
    const group = new GroupCommit<number, number>(async (items) => {
      if (items.includes(2)) throw new Error('refused');
      return items;
    });
    const results = await Promise.allSettled([group.submit(1), group.submit(2), group.submit(3)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

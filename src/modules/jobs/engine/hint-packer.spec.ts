import { describe, expect, it } from 'vitest';
import type { DispatchedJob } from './dispatch.repository.js';
import { HintPacker, placeOf } from './hint-packer.js';

let made = 0;
const MINUTE = 60_000;
const job = (userId: string | null, more: Partial<DispatchedJob> = {}): DispatchedJob => ({
  id: `job ${made++}`,
  type: 'quick',
  userId,
  priority: 5,
  turn: 0,
  dispatchNo: 1,
  dispatchedAt: new Date(100 * MINUTE),
  lagSeconds: 0,
  ...more,
});
const many = (count: number, userId: string, more: Partial<DispatchedJob> = {}): DispatchedJob[] =>
  Array.from({ length: count }, () => job(userId, more));
const size = (type: string) => (type === 'quick' ? 100 : 1);

describe('HintPacker', () => {
  it('packs up to the size of the type and loses nobody', () => {
    const jobs = [...many(250, 'ann'), ...many(3, 'ann', { type: 'long' }), job(null, { type: 'mail' })];
    const hints = new HintPacker().pack(jobs, 0, size);
    expect(hints.flatMap((hint) => hint.jobs.map(([id]) => id)).toSorted()).toEqual(
      jobs.map(({ id }) => id).toSorted(),
    );
    expect(hints.map((hint) => hint.jobs.length)).toEqual([1, 100, 100, 49, 1, 1, 1, 1]);
  });

  it('mixes neither types, nor priorities, nor first jobs with others', () => {
    const jobs = [
      ...many(3, 'ann', { priority: 1 }),
      job('bob', { priority: 1 }),
      job('bob', { priority: 9 }),
      job('bob', { priority: 9, type: 'other' }),
    ];
    const hints = new HintPacker().pack(jobs, 0, () => 100);
    const owners = hints.map((hint) => hint.jobs.map(([id]) => jobs.findIndex((one) => one.id === id)));
    expect(owners).toEqual([[0, 3], [1, 2], [4], [5]]);
    expect(new Set(hints.map(({ place }) => place)).size).toBe(4);
  });

  it('lets the first job of another owner overtake the pile that waits, and the pile of nobody else', () => {
    const packer = new HintPacker();
    const pile = packer.pack(many(50, 'ann', { type: 'long' }), 0, size);
    const more = packer.pack(many(5, 'ann', { type: 'long' }), 51, size);
    const [first] = packer.pack([job('bob', { type: 'long' })], 56, size);
    const waiting = [...pile.slice(1), ...more];
    expect(waiting.every(({ place }) => place > first!.place)).toBe(true);
    expect(new Set(waiting.map(({ place }) => place)).size).toBe(1);
  });

  it('gives the same owner a first again when that one has been taken', () => {
    const packer = new HintPacker();
    const [first] = packer.pack(many(40, 'ann', { type: 'long' }), 0, size);
    expect(packer.pack([job('ann', { type: 'long' })], 41, size)[0]!.place).toBeGreaterThan(first!.place);
    expect(packer.pack([job('ann', { type: 'long' })], 30, size)[0]!.place).toBe(first!.place);
  });

  it('tells the oldest dispatch of what it carries', () => {
    const jobs = [job('ann'), job('bob', { dispatchedAt: new Date(5) })];
    expect(new HintPacker().pack(jobs, 0, size).map((hint) => hint.dispatchedAt)).toEqual([5]);
  });
});

describe('placeOf', () => {
  it('never puts a lower priority first, and stays within what BullMQ takes', () => {
    for (const at of [0, 1, 208_989, 208_990, 28_000_000])
      for (let priority = 1; priority < 10; priority++)
        expect(placeOf(priority, false, at * MINUTE)).toBeLessThan(placeOf(priority + 1, true, 0));
    expect(placeOf(1, true, 0)).toBe(1);
    expect(placeOf(10, false, 208_989 * MINUTE)).toBeLessThan(2 ** 21);
  });

  it('bounds for how long others may overtake', () => {
    const waiting = placeOf(5, false, 1_000 * MINUTE);
    expect(placeOf(5, true, 1_009 * MINUTE)).toBeLessThan(waiting);
    expect(placeOf(5, true, 1_011 * MINUTE)).toBeGreaterThan(waiting);
  });
});

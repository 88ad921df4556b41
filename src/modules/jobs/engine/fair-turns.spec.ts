import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairTurns, NO_ID, laneOf, ownerOf, type Floor } from './fair-turns.js';

const LANE = 'default';
const OWNERS = ['ann', 'bob', 'cho'];

interface Waiting extends Floor {
  readonly owner: string;
}

/** A lane in memory, shared by processes that give turns and dispatch. */
class World {
  private made = 0;
  private waiting: Waiting[] = [];
  now = 0;

  submit(turns: FairTurns, owner: string, count: number, again = false): void {
    const given = again ? turns.turnsAgain(LANE, 5, owner, count) : turns.turnsFor(LANE, 5, owner, count);
    for (const turn of given) this.waiting.push({ owner, turn, id: this.nextId(again) });
    this.waiting.sort((a, b) => a.turn - b.turn || (a.id < b.id ? -1 : 1));
  }

  /** Ids tell when a job was made: those that run again are older than all new ones. */
  private nextId(again: boolean): string {
    return `${again ? 1 : 2}${String(this.made++).padStart(35, '0')}`;
  }

  /** As the statement does it: what stands before the floor is not seen. */
  dispatch(turns: FairTurns, limit: number, floor: Floor = { turn: 0, id: NO_ID }): Waiting[] {
    const sees = ({ turn, id }: Floor) => turn > floor.turn || (turn === floor.turn && id >= floor.id);
    const taken = this.waiting.filter(sees).slice(0, limit);
    this.waiting = this.waiting.filter((one) => !taken.includes(one));
    const last = taken.at(-1) ?? null;
    turns.passed(LANE, 5, { last, count: taken.length, drained: taken.length < limit }, (this.now += 60));
    return taken;
  }

  waitingOf(owner: string): number {
    return this.waiting.filter((one) => one.owner === owner).length;
  }
}

const numberOf = (id: string): number => Number(id.slice(1));

const owner = fc.constantFrom(...OWNERS);
const step = fc.oneof(
  fc.record({
    kind: fc.constant('submit' as const),
    owner,
    count: fc.integer({ min: 1, max: 2_000 }),
    again: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('dispatch' as const), limit: fc.integer({ min: 1, max: 700 }) }),
);

describe('FairTurns', () => {
  it('puts only a few jobs of anybody else before the first of an owner, whatever happened before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const turns = new FairTurns();
        const world = new World();
        for (const one of steps)
          if (one.kind === 'submit') world.submit(turns, one.owner, one.count, one.again);
          else world.dispatch(turns, one.limit);
        world.submit(turns, 'zoe', 1);
        const before = new Map<string, number>();
        for (;;) {
          const [next] = world.dispatch(turns, 1);
          if (next!.owner === 'zoe') break;
          before.set(next!.owner, (before.get(next!.owner) ?? 0) + 1);
        }
        // One of the new jobs and one of those that run again.
        for (const count of before.values()) expect(count).toBeLessThanOrEqual(2);
      }),
    );
  });

  it('serves piles evenly, each in its own order', () => {
    const turns = new FairTurns();
    const world = new World();
    world.submit(turns, 'ann', 1_000);
    world.dispatch(turns, 300);
    world.submit(turns, 'bob', 1_000);
    const served = world.dispatch(turns, 200);
    expect(served.filter((one) => one.owner === 'bob')).toHaveLength(100);
    for (const name of ['ann', 'bob']) {
      const ids = served.filter((one) => one.owner === name).map(({ id }) => id);
      expect(ids).toEqual(ids.toSorted());
    }
  });

  it('never hides a job of its own behind its floor', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const turns = new FairTurns();
        const world = new World();
        for (const one of steps)
          if (one.kind === 'submit') world.submit(turns, one.owner, one.count, one.again);
          else world.dispatch(turns, one.limit, turns.floor(LANE, 5));
        while (world.dispatch(turns, 500, turns.floor(LANE, 5)).length > 0);
        expect(OWNERS.map((name) => world.waitingOf(name))).toEqual([0, 0, 0]);
      }),
    );
  });

  it('lets a flood of retries of one owner overtake nobody, batch after batch', () => {
    const turns = new FairTurns();
    const world = new World();
    world.submit(turns, 'bob', 50);
    for (let batch = 0; batch < 20; batch++) world.submit(turns, 'ann', 500, true);
    const served = world.dispatch(turns, 100);
    expect(served.filter((one) => one.owner === 'bob').length).toBeGreaterThanOrEqual(49);
  });

  it('does not let retries wait behind the pile of their own owner', () => {
    const turns = new FairTurns();
    const world = new World();
    world.submit(turns, 'ann', 10_000);
    world.dispatch(turns, 100);
    world.submit(turns, 'ann', 1, true);
    const ids = world.dispatch(turns, 5).map(({ id }) => numberOf(id));
    expect(ids).toContain(10_000);
  });

  it('moves the floor on when many owners share a turn, so that dispatched jobs are not stepped over again', () => {
    const turns = new FairTurns();
    const world = new World();
    for (let n = 0; n < 10_000; n++) world.submit(turns, `owner ${n}`, 1);
    for (let pass = 0; pass < 10; pass++) world.dispatch(turns, 500, turns.floor(LANE, 5));
    expect(turns.floor(LANE, 5)).toMatchObject({ turn: 0 });
    expect(numberOf(turns.floor(LANE, 5).id)).toBeGreaterThan(2_000);
    while (world.dispatch(turns, 500, turns.floor(LANE, 5)).length > 0);
    expect(turns.turn(LANE, 5)).toBe(1);
  });

  it('keeps queues, priorities and limited types apart', () => {
    const turns = new FairTurns();
    turns.turnsFor('default', 5, 'ann', 100);
    for (const [lane, priority] of [
      ['files', 5],
      ['default', 4],
      ['default/copy', 5],
    ] as const)
      expect(turns.turnsFor(lane, priority, 'ann', 1)).toEqual([0]);
    expect(laneOf({ queue: 'files', type: 'copy', limitKey: null })).toBe('files');
    expect(laneOf({ queue: 'files', type: 'copy', limitKey: '' })).toBe('files/copy');
    expect(ownerOf({ userId: null, type: 'mail' })).not.toBe(ownerOf({ userId: null, type: 'copy' }));
  });

  it('hears how far others are, never back, and tells only what it has moved itself', () => {
    const turns = new FairTurns();
    turns.heard({ lane: LANE, priority: 5, turn: 70 });
    turns.heard({ lane: LANE, priority: 5, turn: 30 });
    expect(turns.turnsFor(LANE, 5, 'ann', 2)).toEqual([70, 71]);
    expect(turns.news()).toEqual([]);
    turns.passed(LANE, 5, { last: { turn: 71, id: NO_ID }, count: 2, drained: true }, 0);
    expect(turns.news()).toEqual([{ lane: LANE, priority: 5, turn: 71 }]);
    expect(turns.news()).toEqual([]);
  });

  it('holds a bounded number of owners', () => {
    const turns = new FairTurns(3);
    for (const name of ['ann', 'bob', 'ann', 'cho', 'dan']) turns.turnsFor(LANE, 5, name, 1);
    expect(turns.turnsFor(LANE, 5, 'ann', 1)).toEqual([2]);
    expect(turns.turnsFor(LANE, 5, 'bob', 1)).toEqual([0]);
  });

  it('gives nobody anything for nothing', () => {
    const turns = new FairTurns();
    expect(turns.turnsFor(LANE, 5, 'ann', 0)).toEqual([]);
    expect(turns.turnsFor(LANE, 5, 'ann', 1)).toEqual([0]);
  });
});

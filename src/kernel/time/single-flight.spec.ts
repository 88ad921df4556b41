import { describe, expect, it } from 'vitest';
import { SingleFlight } from './single-flight.js';

const fail = (error: unknown) => {
  throw error;
};

describe('SingleFlight', () => {
  it('runs once more after triggers that came during a run, never two at a time', async () => {
    let running = 0;
    let runs = 0;
    const flight = new SingleFlight(async () => {
      expect(++running).toBe(1);
      if (++runs === 1) for (let i = 0; i < 5; i++) flight.trigger();
      await Promise.resolve();
      running--;
    }, fail);
    await flight.settle();
    expect(runs).toBe(2);
  });

  it('never loses a trigger at the very end of a run', async () => {
    let seen = 0;
    let wanted = 0;
    const flight = new SingleFlight(async () => {
      seen = wanted;
    }, fail);
    for (let i = 0; i < 200; i++) {
      wanted++;
      flight.trigger();
      for (let turn = 0; turn < i % 7; turn++) await Promise.resolve();
    }
    await flight.settle();
    expect(seen).toBe(200);
  });

  it('reports an error and goes on with the next trigger', async () => {
    const errors: unknown[] = [];
    let runs = 0;
    const flight = new SingleFlight(
      async () => {
        if (++runs === 1) throw new Error('first');
      },
      (error) => errors.push(error),
    );
    await flight.settle();
    await flight.settle();
    expect([runs, errors.length]).toEqual([2, 1]);
  });

  it('runs nothing while it is held, and nothing of what was asked for meanwhile', async () => {
    let runs = 0;
    const flight = SingleFlight.held(async () => void runs++, fail);
    await flight.settle();
    expect([runs, flight.isOpen]).toEqual([0, false]);
    flight.begin();
    await Promise.resolve();
    expect([runs, flight.isOpen]).toEqual([0, true]);
    await flight.settle();
    expect(runs).toBe(1);
  });

  it('stays stopped when it is begun afterwards', async () => {
    const flight = SingleFlight.held(async () => fail('ran'), fail);
    await flight.stop();
    flight.begin();
    await flight.settle();
    expect(flight.isOpen).toBe(false);
  });

  it('runs nothing after stop', async () => {
    let runs = 0;
    const flight = new SingleFlight(async () => void runs++, fail);
    await flight.stop();
    flight.trigger();
    await Promise.resolve();
    expect(runs).toBe(0);
  });
});

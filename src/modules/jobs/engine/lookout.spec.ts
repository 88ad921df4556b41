import { describe, expect, it } from 'vitest';
import { Lookout } from './lookout.js';

const seconds = (from: number, to: number): number[] => {
  const looks = [];
  for (let at = from; at <= to; at += 2.5) looks.push(at);
  return looks;
};

describe('who may call others dead', () => {
  it('a process that has just started, and one that has kept watching', () => {
    const lookout = new Lookout();
    expect(seconds(0, 60).map((at) => lookout.look(at * 1000))).not.toContain(false);
  });

  it.each([
    ['the database or the process stood still', 100],
    ['the clock was set back', -3600],
  ])('not, for the silence limit, after %s', (_why, back) => {
    const lookout = new Lookout();
    for (const at of seconds(0, 20)) lookout.look(at * 1000);
    expect(seconds(back, back + 11).map((at) => lookout.look(at * 1000))).not.toContain(true);
    expect(lookout.look((back + 12) * 1000)).toBe(true);
  });
});

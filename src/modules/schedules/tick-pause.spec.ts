import { describe, expect, it } from 'vitest';
import { pauseUntil } from './tick-pause.js';

describe('the pause between two looks', () => {
  it.each([
    ['nothing is to come', null, null, null],
    ['what comes is further away than the next tick', 5_000, 5_000, null],
    ['something is due before the next tick', 300.2, 300.2, 301],
    ['it is due at once, in a stream', -200, 3, 50],
    ['more has become due meanwhile', -800, -12, 50],
    ['others hold what is late', -800, -812, null],
    ['somebody made a rule that is late already', null, -5, null],
    ['somebody edited the one that was late', -800, 400, 400],
  ])('when %s', (_, before, after, expected) => {
    expect(pauseUntil(before, after)).toBe(expected);
  });
});

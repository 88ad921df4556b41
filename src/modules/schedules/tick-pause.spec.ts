import { describe, expect, it } from 'vitest';
import { pauseUntil, type NextDue } from './tick-pause.js';

const NOW = 1_800_000_000_000;
/** Seen at the beginning of a pass, and at its end half a second later. */
const before = (wait: number): NextDue => ({ at: NOW + wait, wait });
const after = (wait: number): NextDue => ({ at: NOW + 500 + wait, wait });

describe('the pause between two looks', () => {
  it.each([
    ['nothing is to come', null, null, null],
    ['what comes is further away than the next tick', before(5_000), after(4_500), null],
    ['something is due before the next tick', before(800.2), after(300.2), 301],
    ['it is due at once, in a stream', before(-200), after(3), 50],
    ['more has become due meanwhile', before(-80), after(-12), 50],
    ['more has become due, and the pass took longer than it was late', before(-80), after(-490), 50],
    ['others hold what is late', before(-800), after(-1_300), null],
    ['somebody made a rule that is late already', null, after(-5), null],
    ['somebody edited the one that was late', before(-800), after(400), 400],
  ] as const)('when %s', (_, first, second, expected) => {
    expect(pauseUntil(first, second)).toBe(expected);
  });
});

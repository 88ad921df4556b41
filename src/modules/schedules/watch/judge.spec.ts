import { describe, expect, it } from 'vitest';
import { CAUGHT_UP_SECONDS, MOST_COUNTED, troubleOf, type SchedulerState } from './judge.js';

const well: SchedulerState = { living: 1, silentSeconds: 1, oldestSeconds: 0, overdue: 0 };

describe('the state of the schedulers', () => {
  it('is well while somebody looks and nothing is later than a minute', () => {
    expect(troubleOf(well)).toBeNull();
    expect(troubleOf({ ...well, silentSeconds: 60, oldestSeconds: 60 })).toBeNull();
  });

  it.each([
    [{ oldestSeconds: 61, overdue: 3 }, /^the oldest due schedule is 61 s late \(3 are later than 60 s\)$/],
    [{ oldestSeconds: 7_300, overdue: MOST_COUNTED }, /is 2 h late \(1000 or more are later/],
    [{ silentSeconds: 61, living: 0 }, /^no scheduler has looked for 61 s: start a process/],
    [{ silentSeconds: 600, living: 0 }, /looked for 10 min/],
    [{ silentSeconds: 864_000, living: 0 }, /looked for 10 days/],
    [{ silentSeconds: null, living: 0 }, /^no scheduler has ever run: start a process/],
    [
      { silentSeconds: 90, oldestSeconds: 90, overdue: 1 },
      /schedule is 90 s late .*; no scheduler has looked/,
    ],
  ] as const)('is trouble with %j', (difference, told) => {
    expect(troubleOf({ ...well, ...difference })).toMatch(told);
  });

  it('is well again only when it has caught up', () => {
    const behind = { ...well, oldestSeconds: 45 };
    expect(troubleOf(behind)).toBeNull();
    expect(troubleOf(behind, CAUGHT_UP_SECONDS)).toMatch(/45 s late$/);
    expect(troubleOf({ ...well, oldestSeconds: 30 }, CAUGHT_UP_SECONDS)).toBeNull();
  });
});

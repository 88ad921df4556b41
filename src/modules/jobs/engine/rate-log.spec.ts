import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_LOG, allowedBy, nextAt, recentOf, spend, type Rate, type RateLog } from './rate-log.js';

/** Starts as many as wait, at each of these moments, and answers when each started. */
function startsOf(rate: Rate, arrivals: readonly { after: number; jobs: number }[]): number[] {
  const starts: number[] = [];
  let log: RateLog = EMPTY_LOG;
  let now = 1_000_000;
  for (const { after, jobs } of arrivals) {
    now += after;
    log = recentOf(log, rate, now);
    const count = Math.min(jobs, allowedBy(log, rate));
    if (count > 0) log = spend(log, rate, now, count);
    for (let n = 0; n < count; n += 1) starts.push(now);
  }
  return starts;
}

const rates = fc.record({
  jobs: fc.integer({ min: 1, max: 30 }),
  perSeconds: fc.integer({ min: 1, max: 20 }),
});
const arrivals = fc.array(
  fc.record({ after: fc.integer({ min: 0, max: 3_000 }), jobs: fc.integer({ min: 0, max: 40 }) }),
  { maxLength: 60 },
);

describe('rate', () => {
  it('never lets more start within any such time', () => {
    fc.assert(
      fc.property(rates, arrivals, (rate, coming) => {
        const starts = startsOf(rate, coming);
        const apart = starts.slice(rate.jobs).map((at, index) => at - (starts[index] ?? 0));
        expect(apart.filter((time) => time < rate.perSeconds * 1000)).toEqual([]);
      }),
    );
  });

  it('lets the next one start when it says, at most a hundredth of the time late, and none before', () => {
    fc.assert(
      fc.property(rates, arrivals, (rate, coming) => {
        const window = rate.perSeconds * 1000;
        let log: RateLog = EMPTY_LOG;
        let now = 1_000_000;
        const starts: number[] = [];
        for (const { after, jobs } of [...coming, { after: 0, jobs: rate.jobs }]) {
          now += after;
          log = recentOf(log, rate, now);
          const count = Math.min(jobs, allowedBy(log, rate));
          if (count > 0) log = spend(log, rate, now, count);
          for (let n = 0; n < count; n += 1) starts.push(now);
        }
        const next = nextAt(log, rate);
        expect(next).not.toBeNull();
        expect(allowedBy(recentOf(log, rate, (next ?? 0) - 1), rate)).toBe(0);
        expect(allowedBy(recentOf(log, rate, next ?? 0), rate)).toBeGreaterThan(0);
        const exact = (starts.at(-rate.jobs) ?? 0) + window;
        expect(next).toBeGreaterThanOrEqual(exact);
        expect(next).toBeLessThanOrEqual(exact + window / 100);
      }),
    );
  });

  it('keeps its log short and lets the whole rate through', () => {
    const rate = { jobs: 5_000, perSeconds: 10 };
    let log: RateLog = EMPTY_LOG;
    let started = 0;
    let longest = 0;
    for (let now = 0; now < 100_000; now += 1) {
      log = recentOf(log, rate, now);
      const count = Math.min(1, allowedBy(log, rate));
      if (count > 0) log = spend(log, rate, now, count);
      started += count;
      longest = Math.max(longest, log.at.length);
    }
    expect(longest).toBeLessThanOrEqual(101);
    expect(started).toBeGreaterThan(49_000);
  });

  it('holds nothing longer than its window when the clock was set back', () => {
    const rate = { jobs: 1, perSeconds: 10 };
    const log = recentOf(spend(EMPTY_LOG, rate, 3_600_000, 1), rate, 5_000);
    expect(nextAt(log, rate)).toBe(15_000);
  });
});

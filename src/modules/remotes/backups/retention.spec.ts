import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantOf, stampAfter, stampOf } from './backup-stamp.js';
import { keptVersions, type RetentionRules } from './retention.js';

const DAY = 86_400_000;
const instants = fc.date({
  min: new Date('2020-01-01T00:00:00Z'),
  max: new Date('2030-01-01T00:00:00Z'),
  noInvalidDate: true,
});
const stamps = fc.uniqueArray(instants.map(stampOf), { maxLength: 60 });
const count = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });
const rules: fc.Arbitrary<RetentionRules> = fc.record({
  keepLast: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
});

describe('what stays', () => {
  it('is the newest ones, and the last of each day, week and month', () => {
    const all = [
      '20251229T000000Z',
      '20251231T230000Z',
      '20260101T010000Z',
      '20260104T235959Z',
      '20260105T000000Z',
    ];
    const kept = (one: RetentionRules): string[] => [...keptVersions(all, one)].toSorted();
    expect(kept({})).toEqual(all);
    expect(kept({ keepLast: 2 })).toEqual(all.slice(-2));
    // 29 December to 4 January is one week.
    expect(kept({ keepWeekly: 2 })).toEqual(all.slice(-2));
    expect(kept({ keepMonthly: 2 })).toEqual([all[1], all[4]]);
    expect(kept({ keepDaily: 3 })).toEqual(all.slice(-3));
    expect(kept({ keepLast: 1, keepMonthly: 9 })).toEqual([all[1], all[4]]);
  });

  it('is never less than the newest, and nothing that was not there', () => {
    fc.assert(
      fc.property(stamps, rules, (all, one) => {
        const kept = keptVersions(all, one);
        expect([...kept]).toEqual(expect.arrayContaining(all.toSorted().slice(-1)));
        for (const stamp of kept) expect(all).toContain(stamp);
      }),
    );
  });

  it('stays when the versions that go are gone, and when the order is another one', () => {
    fc.assert(
      fc.property(stamps, rules, (all, one) => {
        const kept = keptVersions(all, one);
        expect(keptVersions([...kept], one)).toEqual(kept);
        expect(keptVersions(all.toReversed(), one)).toEqual(kept);
      }),
    );
  });

  it('is what each rule alone would keep, together', () => {
    fc.assert(
      fc.property(stamps, rules, (all, one) => {
        const alone = Object.entries(one)
          .filter(([, most]) => most !== undefined)
          .flatMap(([rule, most]) => [...keptVersions(all, { [rule]: most })]);
        const together = keptVersions(all, one);
        expect([...together].toSorted()).toEqual(
          alone.length > 0 ? [...new Set(alone)].toSorted() : [...all].toSorted(),
        );
      }),
    );
  });

  it('is one version of each of the last periods that have one', () => {
    fc.assert(
      fc.property(stamps, fc.integer({ min: 1, max: 12 }), (all, most) => {
        const days = new Map<string, string>();
        for (const stamp of all.toSorted()) days.set(stamp.slice(0, 8), stamp);
        const expected = [...days.values()].slice(-most);
        expect([...keptVersions(all, { keepDaily: most })].toSorted()).toEqual(expected);
        const week = (stamp: string): number => Math.floor((instantOf(stamp)!.getTime() / DAY + 3) / 7);
        const weeks = new Map<number, string>();
        for (const stamp of all.toSorted()) weeks.set(week(stamp), stamp);
        expect([...keptVersions(all, { keepWeekly: most })].toSorted()).toEqual(
          [...weeks.values()].slice(-most),
        );
      }),
    );
  });

  it('includes whatever is no version', () => {
    const odd = ['20260631T000000Z', 'photos', '', '../x', '20260105T000000Z-r1'];
    const kept = keptVersions([...odd, '20260101T000000Z', '20260102T000000Z'], { keepLast: 1 });
    expect([...kept].toSorted()).toEqual([...odd, '20260102T000000Z'].toSorted());
  });
});

describe('a stamp', () => {
  it('is its instant to the second', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        const seconds = Math.floor(instant.getTime() / 1000) * 1000;
        expect(instantOf(stampOf(instant))?.getTime()).toBe(seconds);
      }),
    );
    for (const wrong of ['20260230T000000Z', '20261301T000000Z', '20260101T240000Z', '', '2026'])
      expect(instantOf(wrong)).toBeNull();
  });

  it('is always after the last one', () => {
    fc.assert(
      fc.property(instants, instants, (now, last) => {
        const stamp = stampAfter(now, stampOf(last));
        expect(stamp > stampOf(last)).toBe(true);
        expect(stamp >= stampOf(now)).toBe(true);
      }),
    );
    expect(stampAfter(new Date('2026-11-21T18:00:00.900Z'), null)).toBe('20261121T180000Z');
  });
});

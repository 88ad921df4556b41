import { describe, expect, it } from 'vitest';
import { cronRule, instant } from '../../../../test/factories/timing-rule.js';
import { nextAfter, upcoming, type DaylightSavingPolicy } from './index.js';

type Policy = Partial<DaylightSavingPolicy>;

/** Local times with their notes, from local midnight of a day on. */
function runs(zone: string, pattern: string, from: string, count: number, dst: Policy = {}): string[] {
  const items = upcoming(cronRule(pattern, { timezone: zone, dst }), instant(from) - 1, count);
  return items.map(({ local, note }) => (note === null ? local : `${local} ${note}`));
}

describe('America/New_York, 8 March 2026: 02:00 becomes 03:00', () => {
  const spring = (pattern: string, count: number, dst?: Policy): string[] =>
    runs('America/New_York', pattern, '2026-03-08T00:00:00-05:00', count, dst);

  it.each<[string, Policy, string[]]>([
    ['30 2 * * *', {}, ['2026-03-08T03:00:00-04:00 gap_shifted', '2026-03-09T02:30:00-04:00']],
    ['30 2 * * *', { gap: 'skip' }, ['2026-03-09T02:30:00-04:00 gap_skipped', '2026-03-10T02:30:00-04:00']],
    ['30 1,2 * * *', {}, ['2026-03-08T01:30:00-05:00', '2026-03-08T03:00:00-04:00 gap_shifted']],
    ['30 1,2 * * *', { gap: 'skip' }, ['2026-03-08T01:30:00-05:00', '2026-03-09T01:30:00-04:00 gap_skipped']],
    // Two times in the gap, and one right at its end: the instant after the gap runs once for all three.
    ['0,30 2,3 * * *', {}, ['2026-03-08T03:00:00-04:00 gap_shifted', '2026-03-08T03:30:00-04:00']],
    ['*/5 30 2 * * *', {}, ['2026-03-08T03:00:00-04:00 gap_shifted', '2026-03-09T02:30:00-04:00']],
    // A run that is due right after the gap is nothing special.
    ['0 3 * * *', {}, ['2026-03-08T03:00:00-04:00', '2026-03-09T03:00:00-04:00']],
    ['0 3 * * *', { gap: 'skip' }, ['2026-03-08T03:00:00-04:00', '2026-03-09T03:00:00-04:00']],
    // Steps and wildcards follow elapsed time, whatever the policy says.
    ['*/30 2 * * *', {}, ['2026-03-09T02:00:00-04:00 gap_skipped', '2026-03-09T02:30:00-04:00']],
    ['0 */2 * * *', {}, ['2026-03-08T00:00:00-05:00', '2026-03-08T04:00:00-04:00 gap_skipped']],
  ])('%s %o', (pattern, dst, expected) => {
    expect(spring(pattern, 2, dst)).toEqual(expected);
  });

  it('a rule of every hour goes on without a missing hour', () => {
    expect(spring('30 * * * *', 4)).toEqual([
      '2026-03-08T00:30:00-05:00',
      '2026-03-08T01:30:00-05:00',
      '2026-03-08T03:30:00-04:00',
      '2026-03-08T04:30:00-04:00',
    ]);
  });
});

describe('America/New_York, 1 November 2026: 02:00 becomes 01:00', () => {
  const fall = (pattern: string, count: number, dst?: Policy): string[] =>
    runs('America/New_York', pattern, '2026-11-01T00:00:00-04:00', count, dst);
  const first = '2026-11-01T01:30:00-04:00 overlap_first';
  const last = '2026-11-01T01:30:00-05:00 overlap_last';

  it.each<[string, Policy, string[]]>([
    ['30 1 * * *', {}, [first, '2026-11-02T01:30:00-05:00']],
    ['30 1 * * *', { overlap: 'last' }, [last, '2026-11-02T01:30:00-05:00']],
    ['30 1 * * *', { overlap: 'both' }, [first, last, '2026-11-02T01:30:00-05:00']],
    ['30 1,2 * * *', {}, [first, '2026-11-01T02:30:00-05:00']],
    ['30 1,2 * * *', { overlap: 'last' }, [last, '2026-11-01T02:30:00-05:00']],
    ['30 1,2 * * *', { overlap: 'both' }, [first, last, '2026-11-01T02:30:00-05:00']],
    [
      '15 1-3 * * *',
      {},
      [
        '2026-11-01T01:15:00-04:00 overlap_first',
        '2026-11-01T02:15:00-05:00',
        '2026-11-01T03:15:00-05:00',
        '2026-11-02T01:15:00-05:00',
      ],
    ],
    ['0 2 * * *', { overlap: 'both' }, ['2026-11-01T02:00:00-05:00']],
    ['0 1 * * *', {}, ['2026-11-01T01:00:00-04:00 overlap_first']],
  ])('%s %o', (pattern, dst, expected) => {
    expect(fall(pattern, expected.length, dst)).toEqual(expected);
  });

  it('a rule of every quarter of an hour never pauses and never doubles, whatever the policy', () => {
    for (const overlap of ['first', 'last', 'both'] as const) {
      const rule = cronRule('*/15 * * * *', { timezone: 'America/New_York', dst: { overlap } });
      const midnight = instant('2026-11-01T00:00:00-04:00');
      const gaps = upcoming(rule, midnight, 16).map(({ at }, index) => at - midnight - index * 900_000);
      expect(new Set(gaps)).toEqual(new Set([900_000]));
    }
  });

  it('shows both passes of such a rule', () => {
    expect(fall('0,30 */1 * * *', 6).slice(2)).toEqual([
      '2026-11-01T01:00:00-04:00 overlap_first',
      '2026-11-01T01:30:00-04:00 overlap_first',
      '2026-11-01T01:00:00-05:00 overlap_last',
      '2026-11-01T01:30:00-05:00 overlap_last',
    ]);
  });
});

describe('clock changes elsewhere', () => {
  it.each<[string, string, string, Policy, string[]]>([
    // Half an hour.
    [
      'Australia/Lord_Howe',
      '15 2 * * *',
      '2026-10-04T00:00:00+10:30',
      {},
      ['2026-10-04T02:30:00+11:00 gap_shifted', '2026-10-05T02:15:00+11:00'],
    ],
    [
      'Australia/Lord_Howe',
      '45 1 * * *',
      '2026-04-05T00:00:00+11:00',
      {},
      ['2026-04-05T01:45:00+11:00 overlap_first', '2026-04-06T01:45:00+10:30'],
    ],
    [
      'Australia/Lord_Howe',
      '45 1 * * *',
      '2026-04-05T00:00:00+11:00',
      { overlap: 'last' },
      ['2026-04-05T01:45:00+10:30 overlap_last', '2026-04-06T01:45:00+10:30'],
    ],
    [
      'Australia/Lord_Howe',
      '15 1 * * *',
      '2026-04-05T00:00:00+11:00',
      { overlap: 'both' },
      ['2026-04-05T01:15:00+11:00', '2026-04-06T01:15:00+10:30'],
    ],
    // 30 December 2011 did not exist.
    [
      'Pacific/Apia',
      '0 12 * * *',
      '2011-12-29T00:00:00-10:00',
      {},
      ['2011-12-29T12:00:00-10:00', '2011-12-31T00:00:00+14:00 gap_shifted', '2011-12-31T12:00:00+14:00'],
    ],
    [
      'Pacific/Apia',
      '0 12 * * *',
      '2011-12-29T00:00:00-10:00',
      { gap: 'skip' },
      ['2011-12-29T12:00:00-10:00', '2011-12-31T12:00:00+14:00 gap_skipped'],
    ],
    [
      'Pacific/Apia',
      '0 12 30 12 *',
      '2011-01-01T00:00:00Z',
      { gap: 'skip' },
      ['2012-12-30T12:00:00+14:00 gap_skipped'],
    ],
    // Summer time pauses for Ramadan.
    [
      'Africa/Casablanca',
      '30 2 * * *',
      '2026-02-15T00:00:00+01:00',
      {},
      ['2026-02-15T02:30:00+01:00 overlap_first', '2026-02-16T02:30:00+00:00'],
    ],
    [
      'Africa/Casablanca',
      '30 2 * * *',
      '2026-03-22T00:00:00+00:00',
      {},
      ['2026-03-22T03:00:00+01:00 gap_shifted', '2026-03-23T02:30:00+01:00'],
    ],
    // Midnight itself is missing or doubled.
    [
      'Africa/Cairo',
      '@daily',
      '2026-04-23T12:00:00Z',
      {},
      ['2026-04-24T01:00:00+03:00 gap_shifted', '2026-04-25T00:00:00+03:00'],
    ],
    [
      'Africa/Cairo',
      '30 23 * * *',
      '2026-10-29T00:00:00+03:00',
      { overlap: 'both' },
      ['2026-10-29T23:30:00+03:00 overlap_first', '2026-10-29T23:30:00+02:00 overlap_last'],
    ],
    [
      'America/Sao_Paulo',
      '@daily',
      '2018-11-03T12:00:00Z',
      {},
      ['2018-11-04T01:00:00-02:00 gap_shifted', '2018-11-05T00:00:00-02:00'],
    ],
    [
      'America/Sao_Paulo',
      '30 23 * * *',
      '2018-02-17T12:00:00Z',
      { overlap: 'last' },
      ['2018-02-17T23:30:00-03:00 overlap_last', '2018-02-18T23:30:00-03:00'],
    ],
    ['America/Sao_Paulo', '@daily', '2026-11-01T00:00:00-03:00', {}, ['2026-11-01T00:00:00-03:00']],
    [
      'Asia/Tehran',
      '30 0 * * *',
      '2022-03-21T12:00:00Z',
      {},
      ['2022-03-22T01:00:00+04:30 gap_shifted', '2022-03-23T00:30:00+04:30'],
    ],
    [
      'Asia/Tehran',
      '30 0 * * *',
      '2026-03-21T12:00:00Z',
      {},
      ['2026-03-22T00:30:00+03:30', '2026-03-23T00:30:00+03:30'],
    ],
    [
      'Asia/Seoul',
      '30 2 * * *',
      '1988-05-07T15:00:00Z',
      {},
      ['1988-05-08T03:00:00+10:00 gap_shifted', '1988-05-09T02:30:00+10:00'],
    ],
    ['Asia/Seoul', '30 2 * * *', '2026-05-07T15:00:00Z', {}, ['2026-05-08T02:30:00+09:00']],
    [
      'UTC',
      '30 2 * * *',
      '2026-03-08T00:00:00Z',
      {},
      ['2026-03-08T02:30:00+00:00', '2026-03-09T02:30:00+00:00'],
    ],
  ])('%s %s from %s %o', (zone, pattern, from, dst, expected) => {
    expect(runs(zone, pattern, from, expected.length, dst)).toEqual(expected);
  });

  it('interval rules follow elapsed time through every change', () => {
    const rule = {
      ...cronRule('* * * * *', { timezone: 'America/New_York' }),
      type: 'interval' as const,
      intervalSeconds: 7_200,
    };
    const start = instant('2026-11-01T04:00:00Z');
    expect(nextAfter(rule, start)).toBe(start + 7_200_000);
    expect(upcoming(rule, start, 2).map(({ local }) => local)).toEqual([
      '2026-11-01T01:00:00-05:00',
      '2026-11-01T03:00:00-05:00',
    ]);
  });
});

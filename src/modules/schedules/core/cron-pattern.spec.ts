import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronRule, instant } from '../../../../test/factories/timing-rule.js';
import { compileCron, CronSyntaxError } from './cron-pattern.js';
import { upcoming } from './index.js';

function days(pattern: string, from: string, count: number): string[] {
  return upcoming(cronRule(pattern), instant(from) - 1, count).map(({ local }) => local.slice(0, 16));
}

describe('cron syntax', () => {
  it.each<[string, string, string[]]>([
    ['5 4 * * *', '2026-01-01', ['2026-01-01T04:05', '2026-01-02T04:05']],
    ['30 5 4 * * *', '2026-01-01', ['2026-01-01T04:05', '2026-01-02T04:05']],
    ['0 9 * JAN-MAR MON-FRI', '2026-03-31', ['2026-03-31T09:00', '2027-01-01T09:00']],
    [
      '0 0-12/6 * * *',
      '2026-01-01',
      ['2026-01-01T00:00', '2026-01-01T06:00', '2026-01-01T12:00', '2026-01-02T00:00'],
    ],
    ['0 0 L * *', '2028-02-01', ['2028-02-29T00:00', '2028-03-31T00:00']],
    [
      '0 0 LW * *',
      '2026-02-01',
      ['2026-02-27T00:00', '2026-03-31T00:00', '2026-04-30T00:00', '2026-05-29T00:00'],
    ],
    ['0 0 1W * *', '2026-08-01', ['2026-08-03T00:00', '2026-09-01T00:00']],
    ['0 0 15W * *', '2026-02-01', ['2026-02-16T00:00', '2026-03-16T00:00', '2026-04-15T00:00']],
    ['0 0 31W * *', '2026-04-01', ['2026-05-29T00:00', '2026-07-31T00:00']],
    ['0 0 * * FRI#2', '2026-01-01', ['2026-01-09T00:00', '2026-02-13T00:00']],
    ['0 0 * * 5L', '2026-01-01', ['2026-01-30T00:00', '2026-02-27T00:00']],
    ['0 0 * * MON#5', '2026-01-01', ['2026-03-30T00:00', '2026-06-29T00:00']],
    ['0 0 * * 7', '2026-01-01', ['2026-01-04T00:00']],
    ['0 0 13 * FRI', '2026-02-01', ['2026-02-06T00:00', '2026-02-13T00:00', '2026-02-20T00:00']],
    ['0 0 13 * +FRI', '2026-01-01', ['2026-02-13T00:00', '2026-03-13T00:00', '2026-11-13T00:00']],
    ['@weekly', '2026-01-01', ['2026-01-04T00:00', '2026-01-11T00:00']],
    ['@yearly', '2026-01-02', ['2027-01-01T00:00']],
  ])('%s from %s', (pattern, from, expected) => {
    expect(days(pattern, from, expected.length)).toEqual(expected);
  });

  it('finds leap days over the missing one of 2100 and rare weekdays on them', () => {
    expect(days('0 0 29 2 *', '2096-03-01', 1)).toEqual(['2104-02-29T00:00']);
    expect(days('0 0 29 2 +MON', '2072-03-01', 1)).toEqual(['2112-02-29T00:00']);
  });

  it.each(['', '* * * *', '* * * * * * *', '0 0 32 * *', '5/15 * * * *', '@reboot', '* * * * * \u0000'])(
    'refuses "%s"',
    (pattern) => expect(() => compileCron(pattern)).toThrow(CronSyntaxError),
  );

  it('ends the search for a date that never comes', () => {
    expect(compileCron('0 0 31 2 *').nextWall(0)).toBeNull();
    expect(compileCron('0 0 30 2 +MON').nextWall(0)).toBeNull();
  });
});

const number = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);
const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    number(min, max),
    fc.integer({ min: 2, max: max - min }).map((step) => `*/${step}`),
    fc.tuple(number(min, max), number(min, max)).map((pair) => pair.join(',')),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map(([left, right]) => `${Math.min(left, right)}-${Math.max(left, right)}`),
  );
const dayOfMonth = fc.oneof(field(1, 31), fc.constantFrom('L', 'LW', '1W', '15W', '31W', '1,15W', '10,L'));
const dayOfWeek = fc.oneof(field(0, 6), fc.constantFrom('MON-FRI', '1#1', '5L', '2#5', '+1-5', 'SUN,3#2'));
const pattern = fc
  .tuple(field(0, 59), field(0, 59), field(0, 23), dayOfMonth, field(1, 12), dayOfWeek)
  .map((fields) => fields.join(' '));

describe('agreement with croner in UTC, where no clock changes', () => {
  it('holds for random patterns', () => {
    fc.assert(
      fc.property(
        pattern,
        fc.integer({ min: instant('2020-01-01'), max: instant('2040-01-01') }),
        (text, from) => {
          fc.pre(compileCron(text).nextWall(0) !== null);
          const whole = Math.floor(from / 1000) * 1000;
          const theirs = new Cron(text, { timezone: 'UTC' }).nextRuns(3, new Date(whole)).map(Number);
          expect(upcoming(cronRule(text), whole, 3).map(({ at }) => at)).toEqual(theirs);
        },
      ),
      { numRuns: 300 },
    );
  });
});
